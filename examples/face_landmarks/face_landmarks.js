'use strict';
// Finds faces in a picture, and 468 points of each; face_landmarks.cpp says how.
//
//   node face_landmarks.js DETECTOR.ms LANDMARKS.ms PICTURE RESULT.png
const { image, mindSporeLite } = require('mslite');
const { medianMilliseconds } = require('../timing.js');

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
/** The numbers of an output, by its name or place. */
const numbers = (outputs, which) => new Float32Array((outputs.find(({ name }) => name === which) ?? outputs[which]).getData());

/** The detector's anchors, as parts of its square: two in the middle of each of 16 x 16 cells, then six in each of 8 x 8. */
function makeAnchors() {
  const anchors = [];
  for (const [cells, count] of [[16, 2], [8, 6]]) {
    for (let cell = 0; cell < cells * cells; cell++) {
      for (let k = 0; k < count; k++) anchors.push([((cell % cells) + 0.5) / cells, (Math.floor(cell / cells) + 0.5) / cells]);
    }
  }
  return anchors;
}

/** Boxes of one face as one: the mean of those that overlap the best, weighted by their scores. */
function merge(faces, best) {
  const same = faces.filter((face) => image.overlap(face.box, best.box) > 0.3);
  const weights = same.reduce((sum, face) => sum + face.score, 0);
  const mean = (key) => best[key].map((_, k) => same.reduce((sum, face) => sum + (face[key][k] * face.score) / weights, 0));
  return { box: mean('box'), points: mean('points'), score: best.score };
}

class Detector {
  static SIDE = 128;
  #anchors = makeAnchors();
  #model;

  async load(path) {
    this.#model = await mindSporeLite.loadModelFromFile(path);
    return this;
  }

  /** The faces, the most certain one first: box, score, and x and y of right eye, left eye, nose, mouth and ears. */
  async find(picture) {
    const { SIDE } = Detector;
    const placement = image.letterbox(picture, SIDE, SIDE);
    const inputs = this.#model.getInputs();
    image.normalize(placement.picture, { scale: 1 / 127.5, mean: 1, out: inputs[0] }); // -1...1
    const outputs = await this.#model.predict(inputs);
    const values = numbers(outputs, 'regressors'), scores = numbers(outputs, 'classificators');

    const faces = [];
    this.#anchors.forEach((anchor, k) => {
      const score = sigmoid(scores[k]);
      if (score < 0.5) return;
      // Centre, size, and six points, in pixels of the square; all places are seen from the anchor.
      const value = values.subarray(16 * k, 16 * k + 16), [x, y] = [value[0] + anchor[0] * SIDE, value[1] + anchor[1] * SIDE];
      const box = [x - value[2] / 2, y - value[3] / 2, x + value[2] / 2, y + value[3] / 2];
      const points = Array.from(value.subarray(4), (place, i) => place + anchor[i % 2] * SIDE);
      faces.push({ box: image.toSource(placement, box), points: image.toSource(placement, points), score });
    });
    const boxes = Float32Array.from(faces.flatMap(({ box }) => box)), certain = Float32Array.from(faces, ({ score }) => score);
    return Array.from(image.suppressBoxes(boxes, certain, { iouThreshold: 0.3 }), (best) => merge(faces, faces[best]));
  }
}

/** What the second network looks at: a square 1.5 times as large as the face, upright when the eyes are level. */
function region({ box: [left, top, right, bottom], points: [rightEyeX, rightEyeY, leftEyeX, leftEyeY] }) {
  const side = 1.5 * Math.max(right - left, bottom - top);
  return { x: (left + right) / 2, y: (top + bottom) / 2, width: side, height: side, angle: Math.atan2(leftEyeY - rightEyeY, leftEyeX - rightEyeX) };
}

class Landmarks {
  static SIDE = 192;
  #model;

  async load(path) {
    this.#model = await mindSporeLite.loadModelFromFile(path);
    return this;
  }

  /** 468 places in the picture; none where the network sees no face. */
  async find(picture, box) {
    const { SIDE } = Landmarks;
    const inputs = this.#model.getInputs();
    image.normalize(image.cut(picture, box, SIDE, SIDE), { scale: 1 / 255, out: inputs[0] }); // 0...1
    const outputs = await this.#model.predict(inputs);
    const values = numbers(outputs, 0), points = [];
    if (sigmoid(numbers(outputs, 1)[0]) < 0.5) return points;
    // x, y and depth of each point, in pixels of the square.
    for (let k = 0; k + 2 < values.length; k += 3) points.push(image.placeIn(box, values[k] / SIDE, values[k + 1] / SIDE));
    return points;
  }
}

async function run(detectorPath, landmarksPath, picturePath, resultPath) {
  const picture = image.read(picturePath);
  const detector = await new Detector().load(detectorPath), landmarks = await new Landmarks().load(landmarksPath);
  const faces = await detector.find(picture);
  console.log(`${picturePath}, ${picture.width} x ${picture.height} pixels: ${faces.length} faces`);

  const drawn = image.crop(picture, 0, 0, picture.width, picture.height);
  for (const face of faces) {
    const box = region(face), points = await landmarks.find(picture, box), score = (100 * face.score).toFixed(0);
    const edges = face.box.map((edge) => edge.toFixed(0)).join(' '), degrees = ((box.angle * 180) / Math.PI).toFixed(0);
    console.log(`face ${score} %: box ${edges}, turned by ${degrees} degrees, ${points.length} points`);
    image.drawLabel(drawn, face.box, `face ${score} %`, [64, 200, 64]);
    for (const [x, y] of points) image.drawPoint(drawn, x, y, [255, 220, 64], 2);
  }
  console.log(`detector: median ${(await medianMilliseconds(() => detector.find(picture))).toFixed(2)} ms`);
  if (faces.length > 0) {
    const box = region(faces[0]);
    console.log(`landmarks of a face: median ${(await medianMilliseconds(() => landmarks.find(picture, box))).toFixed(2)} ms`);
  }
  image.writePng(drawn, resultPath);
}

if (process.argv.length !== 6) {
  console.error('usage: face_landmarks.js DETECTOR.ms LANDMARKS.ms PICTURE RESULT.png');
  process.exit(2);
}
run(...process.argv.slice(2)).catch((error) => {
  console.error(`face_landmarks: ${error.message}`);
  process.exitCode = 1;
});
