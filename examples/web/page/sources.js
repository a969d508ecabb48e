// Where frames come from. A source has width, height, still (it does not move), image (what can be drawn) and close().

const LONGEST = 640; // pixels of a frame's longer side

export const sources = { camera, file, picture };

async function camera() {
  // Browsers offer it to pages of this machine and to encrypted ones only.
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("This browser offers no camera to this page.");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: LONGEST }, height: { ideal: 480 } } });
  } catch (error) {
    throw new Error(`The camera cannot be used: ${error.message}`);
  }
  const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
  await video.play();
  return {
    width: video.videoWidth, height: video.videoHeight, still: false, mirrored: true, image: video,
    close: () => stream.getTracks().forEach((track) => track.stop()),
  };
}

async function file(name, chosen) {
  let image;
  try {
    image = await createImageBitmap(chosen);
  } catch {
    throw new Error(`This browser cannot decode ${chosen.name}.`);
  }
  return { width: image.width, height: image.height, still: true, image, close: () => image.close() };
}

// One of the server's pictures, over which a camera seems to move.
async function picture(name) {
  const image = new Image();
  image.src = name;
  try {
    await image.decode();
  } catch {
    throw new Error(`${name} cannot be loaded.`);
  }
  return { width: image.naturalWidth, height: image.naturalHeight, still: false, moving: performance.now() / 1000, image, close: () => {} };
}

const frame = document.createElement("canvas");
const context = frame.getContext("2d", { alpha: false });

// The source at a time in seconds: a canvas, which the next call draws over, and the part of the source that it shows.
export function frameOf(source, time) {
  const view = source.moving === undefined ? { x: 0, y: 0, width: source.width, height: source.height } : pan(source, time - source.moving);
  const scale = source.moving === undefined ? Math.min(1, LONGEST / Math.max(view.width, view.height)) : LONGEST / view.width;
  const width = Math.round(view.width * scale), height = Math.round(view.height * scale);
  if (frame.width !== width || frame.height !== height) Object.assign(frame, { width, height });
  context.setTransform(source.mirrored ? -1 : 1, 0, 0, 1, source.mirrored ? width : 0, 0);
  context.drawImage(source.image, view.x, view.y, view.width, view.height, 0, 0, width, height);
  return { canvas: frame, view };
}

// A hand-held camera of 4 : 3 that looks about and goes nearer and away.
function pan(source, time) {
  const most = Math.min(source.width, (source.height * 4) / 3);
  const width = most * (0.92 + 0.08 * Math.cos(0.5 * time) + 0.002 * Math.sin(7 * time)) * 0.998;
  const height = (width * 3) / 4;
  const x = (source.width - width) * (0.5 + 0.45 * Math.sin(0.37 * time) + 0.02 * Math.sin(3.1 * time));
  const y = (source.height - height) * (0.15 + 0.12 * Math.sin(0.53 * time) + 0.02 * Math.cos(2.7 * time));
  return { x, y, width, height };
}
