'use strict';
// Finds the person in a picture, draws that over the picture, and blurs what is behind; segment_person.cpp says how.
//
//   node segment_person.js MODEL.ms PICTURE RESULT.png MASK.png
const { image, mindSporeLite } = require('mslite');
const { medianMilliseconds } = require('../timing.js');

const WIDTH = 256, HEIGHT = 144;

/** A grey picture of the same size: 255 where a person is, 0 where none is. */
async function findPerson(model, picture) {
  const inputs = model.getInputs();
  const small = image.resize(picture, WIDTH, HEIGHT); // the shape of the picture is not kept
  image.normalize(small, { scale: 1 / 255, out: inputs[0] }); // 0...1
  const [likely] = await model.predict(inputs);
  const data = Uint8Array.from(new Float32Array(likely.getData()), (share) => Math.round(255 * share));
  return image.resize({ data, width: WIDTH, height: HEIGHT, format: 'gray' }, picture.width, picture.height);
}

/** Scaled down so far that details are gone, and up again. */
function blurred(picture) {
  const { width, height } = picture;
  const tiny = image.resize(picture, Math.max(Math.floor(width / 24), 1), Math.max(Math.floor(height / 24), 1), { interpolation: 'area' });
  return image.resize(tiny, width, height, { interpolation: 'bicubic' });
}

/** Puts the person of a picture before a background of its size. */
function compose(picture, mask, background) {
  background.data.forEach((behind, k) => {
    const person = mask.data[Math.floor(k / 3)];
    background.data[k] = Math.floor((picture.data[k] * person + behind * (255 - person) + 127) / 255);
  });
}

/** How much of the picture is a person, and the box around it. */
function describe({ data, width, height }) {
  let count = 0, left = width, top = height, right = 0, bottom = 0;
  data.forEach((value, k) => {
    if (value < 128) return;
    const x = k % width, y = Math.floor(k / width);
    count++;
    left = Math.min(left, x), right = Math.max(right, x + 1), top = Math.min(top, y), bottom = Math.max(bottom, y + 1);
  });
  if (count === 0) return 'no person';
  return `person: ${((100 * count) / width / height).toFixed(1)} % of the picture, box ${left} ${top} ${right} ${bottom}`;
}

async function run(modelPath, picturePath, resultPath, maskPath) {
  const picture = image.read(picturePath), { width, height } = picture;
  const model = await mindSporeLite.loadModelFromFile(modelPath);
  const mask = await findPerson(model, picture);
  console.log(`${picturePath}, ${width} x ${height} pixels`);
  console.log(describe(mask));
  console.log(`segmentation: median ${(await medianMilliseconds(() => findPerson(model, picture))).toFixed(2)} ms`);

  // Left: the mask over the picture; right: the person before a blurred background.
  const result = { data: new Uint8Array(2 * width * height * 3), width: 2 * width, height, format: 'rgb' };
  const half = (from) => ({ data: result.data.subarray(from * 3), width, height, format: 'rgb', stride: 2 * width * 3 });
  const background = blurred(picture);
  compose(picture, mask, background);
  image.crop(picture, 0, 0, width, height, { out: half(0) });
  image.drawMask(half(0), mask, [64, 160, 255], 0.6);
  image.crop(background, 0, 0, width, height, { out: half(width) });
  image.writePng(result, resultPath);
  image.writePng(mask, maskPath);
}

if (process.argv.length !== 6) {
  console.error('usage: segment_person.js MODEL.ms PICTURE RESULT.png MASK.png');
  process.exit(2);
}
run(...process.argv.slice(2)).catch((error) => {
  console.error(`segment_person: ${error.message}`);
  process.exitCode = 1;
});
