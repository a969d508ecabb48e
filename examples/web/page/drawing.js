// Draws a frame and what the server has found in it.

const ACCENT = "#3ee6a8";
const SHARPER = 2; // pixels of the stage for one of the frame, for lines and letters
// Points of the landmark network that outline a face.
const OUTLINES = [
  [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10],
  [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 33],
  [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 263],
  [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61],
  [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78],
  [70, 63, 105, 66, 107],
  [300, 293, 334, 296, 336],
];

export const size = (width, height) => `${Math.round(width)} × ${Math.round(height)}`;

export async function draw(stage, frame, answer, effect) {
  // The picture is decoded before anything is drawn: no half frame is ever seen.
  const mask = answer.mask && (await createImageBitmap(png(answer.mask.png)));
  const { width, height } = frame;
  if (stage.width !== width * SHARPER || stage.height !== height * SHARPER)
    Object.assign(stage, { width: width * SHARPER, height: height * SHARPER });
  const context = stage.getContext("2d", { alpha: false });
  context.setTransform(SHARPER, 0, 0, SHARPER, 0, 0);
  context.drawImage(frame, 0, 0);
  if (answer.faces) drawFaces(context, answer.faces);
  if (mask) drawPerson(context, frame, mask, effect);
  if (answer.classes) drawClass(context, answer);
}

function png(base64) {
  return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type: "image/png" });
}

// --- faces ---

function drawFaces(context, faces) {
  for (const face of faces) {
    const [left, top, right, bottom] = face.box;
    drawMesh(context, face.landmarks);
    context.strokeStyle = ACCENT;
    context.lineWidth = 3;
    context.beginPath();
    context.roundRect(left, top, right - left, bottom - top, 8);
    context.stroke();
    drawLabel(context, `face ${Math.round(100 * face.score)} %`, left, top);
  }
}

function drawMesh(context, points) {
  context.fillStyle = ACCENT;
  for (const [x, y] of points) context.fillRect(x - 0.7, y - 0.7, 1.4, 1.4);
  context.strokeStyle = "#ffffffd0";
  context.lineWidth = 1.2;
  context.beginPath();
  for (const outline of OUTLINES) outline.forEach((k, n) => context[n === 0 ? "moveTo" : "lineTo"](...points[k]));
  context.stroke();
}

// A label that stands on the upper left corner of a box, or in it where there is no room above.
function drawLabel(context, text, left, top) {
  context.font = "600 15px system-ui, sans-serif";
  const width = context.measureText(text).width + 14;
  const x = Math.min(Math.max(left - 1.5, 0), context.canvas.width / SHARPER - width), y = top < 30 ? top + 5 : top - 29;
  context.fillStyle = ACCENT;
  context.beginPath();
  context.roundRect(x, y, width, 24, 6);
  context.fill();
  context.fillStyle = "#06281c";
  context.textBaseline = "middle";
  context.fillText(text, x + 7, y + 12.5);
}

// --- person ---

const [person, ...halves] = Array.from({ length: 5 }, () => document.createElement("canvas"));

function drawPerson(context, frame, mask, effect) {
  const { width, height } = frame;
  if (effect === "blur") {
    // Halved four times and doubled again: smooth, the same in every browser, and fast without a graphics processor.
    let image = frame;
    for (const step of [1, 2, 3, 4, 3, 2, 1]) {
      const half = halves[step - 1];
      scale(image, half, width >> step, height >> step);
      image = half;
    }
    context.drawImage(image, 0, 0, width, height);
  } else if (effect === "replace") {
    const sky = context.createLinearGradient(0, 0, width, height);
    sky.addColorStop(0, "#3b2f8f");
    sky.addColorStop(0.55, "#c2558e");
    sky.addColorStop(1, "#ffb36b");
    context.fillStyle = sky;
    context.fillRect(0, 0, width, height);
  }
  const layer = scale(mask, person, width, height);
  layer.globalCompositeOperation = "destination-in"; // the mask times itself: what is doubtful counts less
  layer.drawImage(mask, 0, 0, width, height);
  layer.globalCompositeOperation = "source-in";
  if (effect === "tint") {
    layer.fillStyle = ACCENT;
    layer.fillRect(0, 0, width, height);
    context.globalAlpha = 0.6;
  } else {
    layer.drawImage(frame, 0, 0);
  }
  context.drawImage(person, 0, 0);
  context.globalAlpha = 1;
}

// Makes a canvas show the image at that size.
function scale(image, canvas, width, height) {
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return context;
}

// --- classes ---

// The square that the network looked at, by its corners, and the likeliest class.
function drawClass(context, { box: [left, top, right, bottom], classes: [best] }) {
  const arm = (right - left) / 10;
  context.strokeStyle = ACCENT;
  context.lineWidth = 3;
  context.lineCap = "round";
  context.beginPath();
  for (const [x, dx] of [[left, arm], [right, -arm]])
    for (const [y, dy] of [[top, arm], [bottom, -arm]]) {
      context.moveTo(x + dx, y);
      context.lineTo(x, y);
      context.lineTo(x, y + dy);
    }
  context.stroke();
  drawLabel(context, `${best.label} ${Math.round(100 * best.score)} %`, left, top);
}
