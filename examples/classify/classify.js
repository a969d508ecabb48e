'use strict';
// Names what a photograph shows, with EfficientNet-Lite0; the same as classify.c.
//
//   node classify.js MODEL.ms LABELS.txt PICTURE RESULT.png
const fs = require('node:fs');
const { image, mindSporeLite } = require('mslite');
const { medianMilliseconds } = require('../timing.js');

// What the network was trained with: the middle 7/8 of the picture, values from about -1 to 1.
const CROP = 0.875, MEAN = 127, DEVIATION = 128;
const TOP = 5, RUNS = 50;

/** Gives the model the middle square of a picture, in its own size. */
function prepare(picture, input) {
  const [, height, width] = input.shape;
  const side = Math.floor(Math.min(picture.width, picture.height) * CROP + 0.5);
  const left = Math.floor((picture.width - side) / 2), top = Math.floor((picture.height - side) / 2);
  const small = image.resize(image.crop(picture, left, top, side, side), width, height, { interpolation: 'area' });
  image.normalize(small, { mean: MEAN, deviation: DEVIATION, out: input });
}

const line = ({ probability, label }) => `${(100 * probability).toFixed(1).padStart(5)} %  ${label}`;

/** Writes the classes over the lower part of the picture, each on a bar as long as it is likely. */
function draw(picture, classes, path) {
  const { width, height } = picture, scale = width < 400 ? 1 : Math.floor(width / 200), step = (image.FONT_HEIGHT + 3) * scale;
  const top = height - classes.length * step;
  image.drawBox(picture, 0, top, width, classes.length * step, [24, 24, 24], 0);
  classes.forEach((found, k) => {
    const length = Math.floor(found.probability * width);
    if (length > 0) image.drawBox(picture, 0, top + k * step, length, step - scale, [32, 112, 48], 0);
    image.drawText(picture, 2 * scale, top + k * step + 2 * scale, line(found), 255, scale);
  });
  image.writePng(picture, path);
}

async function run(modelPath, labelsPath, picturePath, resultPath) {
  const picture = image.read(picturePath);
  console.log(`${picturePath}, ${picture.width} x ${picture.height} pixels`);
  const labels = fs.readFileSync(labelsPath, 'utf8').trimEnd().split('\n');
  let classes;
  for (const threadNum of [1, 2]) {
    const start = process.hrtime.bigint();
    const model = await mindSporeLite.loadModelFromFile(modelPath, { cpu: { threadNum } });
    const loadTime = Number(process.hrtime.bigint() - start) / 1e6;
    const inputs = model.getInputs();
    prepare(picture, inputs[0]);
    const [output] = await model.predict(inputs);
    if (output.elementNum > labels.length) throw new Error(`${labelsPath}: it has less labels than the model has classes`);
    if (threadNum === 1) {
      const all = Array.from(new Float32Array(output.getData()), (probability, k) => ({ probability, label: labels[k] }));
      classes = all.sort((a, b) => b.probability - a.probability).slice(0, TOP);
      for (const found of classes) console.log(`  ${line(found)}`);
    }
    const median = await medianMilliseconds(() => model.predict(inputs), RUNS);
    const threads = threadNum === 1 ? '1 thread ' : '2 threads';
    console.log(`${threads}: loaded in ${loadTime.toFixed(1)} ms, median of ${RUNS} runs ${median.toFixed(2)} ms`);
  }
  draw(picture, classes, resultPath);
}

if (process.argv.length !== 6) {
  console.error('usage: classify.js MODEL.ms LABELS.txt PICTURE RESULT.png');
  process.exit(2);
}
run(...process.argv.slice(2)).catch((error) => {
  console.error(`classify: ${error.message}`);
  process.exitCode = 1;
});
