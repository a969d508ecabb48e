'use strict';
// Finds objects of several classes in a picture; detect_objects.cpp says how.
//
//   node detect_objects.js MODEL.ms LABELS.txt PICTURE RESULT.png
const fs = require('node:fs');
const { image, mindSporeLite } = require('mslite');
const { medianMilliseconds } = require('../timing.js');

const COLORS = [[96, 160, 255], [255, 128, 64], [80, 200, 96], [200, 120, 255], [255, 200, 48]];
const LEVELS = 4, BINS = 8;

/** The model does not say a distance, but how likely it is 0, 1, ... 7 cells (before a softmax): their mean. */
function distance(bins) {
  const peak = Math.max(...bins);
  let sum = 0, mean = 0;
  bins.forEach((bin, k) => {
    const weight = Math.exp(bin - peak);
    sum += weight;
    mean += weight * k;
  });
  return mean / sum;
}

/** A PicoDet detector. Its outputs are scores of four levels' cells, then distances: [1, cells, classes], [1, cells, 4 * BINS]. */
class Detector {
  #model;

  async load(path) {
    this.#model = await mindSporeLite.loadModelFromFile(path);
    const shapes = this.#model.getOutputs().map(({ shape }) => shape);
    this.classes = shapes[0][2];
    const fits = (shape, k) => shape.length === 3 && shape[1] === shapes[k % LEVELS][1] && shape[2] === (k < LEVELS ? this.classes : 4 * BINS);
    if (shapes.length !== 2 * LEVELS || !shapes.every(fits)) throw new Error(`${path} is no PicoDet detector of four levels`);
    return this;
  }

  /** The objects whose score is above the threshold, the most certain one first: box, score, number of the class. */
  async find(picture, threshold) {
    const inputs = this.#model.getInputs(), [, height, width] = inputs[0].shape;
    const small = image.resize(picture, width, height); // the shape of the picture is not kept
    image.normalize(small, { scale: 1 / 255, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225], out: inputs[0] });
    const results = (await this.#model.predict(inputs)).map((output) => new Float32Array(output.getData()));

    const objects = [], across = picture.width / width, down = picture.height / height;
    for (let level = 0; level < LEVELS; level++) {
      const likely = results[level], distances = results[LEVELS + level], cell = 8 << level, columns = Math.ceil(width / cell);
      for (let k = 0; k < likely.length / this.classes; k++) {
        const scores = likely.subarray(k * this.classes, (k + 1) * this.classes), score = Math.max(...scores);
        if (score <= threshold) continue;
        const x = ((k % columns) + 0.5) * cell, y = (Math.floor(k / columns) + 0.5) * cell;
        const away = (edge) => cell * distance(distances.subarray((4 * k + edge) * BINS, (4 * k + edge + 1) * BINS));
        const box = [across * (x - away(0)), down * (y - away(1)), across * (x + away(2)), down * (y + away(3))];
        objects.push({ box, score, label: scores.indexOf(score) });
      }
    }
    const boxes = Float32Array.from(objects.flatMap(({ box }) => box)), scores = Float32Array.from(objects, ({ score }) => score);
    const classes = Int32Array.from(objects, ({ label }) => label);
    return Array.from(image.suppressBoxes(boxes, scores, { classes, scoreThreshold: threshold }), (kept) => objects[kept]);
  }
}

async function run(modelPath, labelsPath, picturePath, resultPath) {
  const names = fs.readFileSync(labelsPath, 'utf8').trimEnd().split('\n');
  const picture = image.read(picturePath);
  const detector = await new Detector().load(modelPath);
  if (names.length !== detector.classes) throw new Error(`${labelsPath} has ${names.length} lines, the model ${detector.classes} classes`);
  const objects = await detector.find(picture, 0.5);
  console.log(`${picturePath}, ${picture.width} x ${picture.height} pixels: ${objects.length} objects`);

  const drawn = image.crop(picture, 0, 0, picture.width, picture.height);
  for (const { box, score, label } of objects) {
    const text = `${names[label]} ${(100 * score).toFixed(0)} %`;
    console.log(`${text}: box ${box.map((edge) => edge.toFixed(0)).join(' ')}`);
    image.drawLabel(drawn, box, text, COLORS[label % COLORS.length]);
  }
  console.log(`detection: median ${(await medianMilliseconds(() => detector.find(picture, 0.5), 10)).toFixed(2)} ms`);
  image.writePng(drawn, resultPath);
}

if (process.argv.length !== 6) {
  console.error('usage: detect_objects.js MODEL.ms LABELS.txt PICTURE RESULT.png');
  process.exit(2);
}
run(...process.argv.slice(2)).catch((error) => {
  console.error(`detect_objects: ${error.message}`);
  process.exitCode = 1;
});
