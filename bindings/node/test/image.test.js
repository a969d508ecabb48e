'use strict';
// Pictures. That the library's pixels are right is for the tests in C to show; here it is that each function reaches it with the right
// arguments, and tells what is wrong.
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
const { Worker } = require('node:worker_threads');
const { image } = require('mslite');
const { mindSporeLite, models, face, resident, collect } = require('./support.js');

const photoFile = path.join(models, '../../examples/classify/grace_hopper.jpg');
const channels = { gray: 1, rgb: 3, bgr: 3, rgba: 4 };

/** A picture of numbers that look random. */
function noise(width, height, format, Type = Uint8Array) {
  let state = 1;
  const data = Type.from({ length: width * height * channels[format] }, () => (state = (state * 1103515245 + 12345) % 2147483648) >> 16 & 255);
  return { data, width, height, format };
}
/** The channels of a pixel. */
function pixel({ data, width, format }, x, y) {
  const n = channels[format];
  return Array.from(data.subarray((y * width + x) * n, (y * width + x + 1) * n));
}
/** A picture from a function that gives a pixel's channels. */
function picture(width, height, format, of, Type = Uint8Array) {
  const data = [];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.push(...of(x, y));
  return { data: Type.from(data), width, height, format };
}
const same = (got, wanted) => assert.deepEqual({ ...got }, { ...wanted });

test('files', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mslite'));
  try {
    for (const format of ['gray', 'rgb', 'bgr', 'rgba']) {
      const pixels = noise(13, 7, format), file = path.join(folder, 'a.png');
      image.writePng(pixels, file);
      same(image.read(file, format), pixels);
      assert.deepEqual(image.encodePng(pixels), fs.readFileSync(file));
      same(image.decode(fs.readFileSync(file), format), pixels);
      const contents = fs.readFileSync(file);
      same(image.decode(contents.buffer.slice(contents.byteOffset, contents.byteOffset + contents.length), format), pixels);
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
  const photo = image.read(photoFile), turned = image.read(photoFile, 'bgr');
  assert.ok(photo.format === 'rgb' && photo.width > 100 && photo.data.length === photo.width * photo.height * 3);
  assert.deepEqual(pixel(photo, 50, 60), pixel(turned, 50, 60).reverse());
});

test('memory of decoded pictures is given back', async () => {
  const file = image.encodePng({ data: new Uint8Array(750000), width: 500, height: 500, format: 'rgb' });
  const work = async (count) => {
    for (let k = 0; k < count; k++) {
      image.encodePng(image.resize(image.decode(file), 50, 50));
      if (k % 20 === 0) await collect();
    }
    await collect();
  };
  await work(60);
  const before = resident();
  await work(200);
  const grown = resident() - before;
  console.log(`200 decoded pictures: ${Math.round(grown)} KiB more`);
  assert.ok(grown < 16384, `${grown} KiB more`);
});

test('colours', () => {
  const pixels = noise(8, 6, 'rgb');
  same(image.convert(pixels, 'bgr'), picture(8, 6, 'bgr', (x, y) => pixel(pixels, x, y).reverse()));
  const planes = image.convert(picture(8, 6, 'rgb', () => [100, 100, 100]), 'nv21');
  assert.ok(planes.data.length === 72 && planes.format === 'nv21' && planes.height === 6);
  assert.ok(image.convert(planes, 'rgb').data.every((value) => Math.abs(value - 100) <= 2));
  const out = { data: new Uint8Array(48), width: 8, height: 6, format: 'gray' };
  assert.equal(image.convert(pixels, 'gray', { out }), out);
  const [r, g, b] = pixel(pixels, 3, 2);
  assert.ok(Math.abs(pixel(out, 3, 2)[0] - (0.299 * r + 0.587 * g + 0.114 * b)) < 1);
});

for (const Type of [Uint8Array, Float32Array]) {
  test(`geometry of ${Type.name}`, () => {
    const pixels = noise(9, 11, 'rgb', Type);
    const at = (of, width = 9, height = 11) => picture(width, height, 'rgb', of, Type);
    same(image.crop(pixels, 2, 3, 5, 4), at((x, y) => pixel(pixels, x + 2, y + 3), 5, 4));
    same(image.resize(pixels, 18, 22, { interpolation: 'nearest' }), at((x, y) => pixel(pixels, x >> 1, y >> 1), 18, 22));
    same(image.resize(pixels, 9, 11), pixels);
    const inside = (x, y) => x >= 0 && y >= 0 && x < 9 && y < 11;
    same(image.pad(pixels, 1, 2, 3, 4, { value: [1, 2, 3] }), at((x, y) => (inside(x - 1, y - 2) ? pixel(pixels, x - 1, y - 2) : [1, 2, 3]), 13, 17));
    const clamp = (v, most) => Math.min(Math.max(v, 0), most);
    same(image.pad(pixels, 1, 2, 3, 4, { border: 'replicate' }), at((x, y) => pixel(pixels, clamp(x - 1, 8), clamp(y - 2, 10)), 13, 17));
    same(image.rotate90(pixels, 1), at((x, y) => pixel(pixels, y, 10 - x), 11, 9));
    same(image.rotate90(pixels, -2), at((x, y) => pixel(pixels, 8 - x, 10 - y)));
    same(image.rotate(pixels, 180), image.rotate90(pixels, 2));
    assert.equal(image.rotate(pixels, 30, { width: 4, height: 5, border: 'reflect' }).data.length, 60);
    same(image.warpAffine(pixels, [1, 0, 3, 0, 1, -2], 9, 11, { value: 7 }), at((x, y) => (inside(x - 3, y + 2) ? pixel(pixels, x - 3, y + 2) : [7, 7, 7])));
    const matrix = image.perspectiveMatrix([0, 0, 8, 0, 8, 10, 0, 10], Float64Array.of(8, 10, 0, 10, 0, 0, 8, 0));
    assert.ok(matrix.length === 9 && matrix[8] === 1);
    same(image.warpPerspective(pixels, matrix, 9, 11, { interpolation: 'nearest' }), image.rotate90(pixels, 2));
    const boxed = image.letterbox(picture(60, 30, 'rgb', () => [200, 200, 200], Type), 40, 40, { value: 114 });
    assert.deepEqual({ ...boxed, scale: 0, picture: 0 }, { picture: 0, scale: 0, left: 0, top: 10, width: 40, height: 20 });
    assert.ok(Math.abs(boxed.scale - 2 / 3) < 1e-6);
    same(boxed.picture, picture(40, 40, 'rgb', (x, y) => Array(3).fill(y < 10 || y >= 30 ? 114 : 200), Type));
  });
}

test('pictures in place: with a stride, in the middle of memory', () => {
  const whole = noise(20, 10, 'rgb');
  const part = { data: whole.data.subarray((2 * 20 + 5) * 3), width: 6, height: 4, format: 'rgb', stride: 60 };
  same(image.resize(part, 6, 4), image.crop(whole, 5, 2, 6, 4));
  image.drawBox(part, 0, 0, 6, 4, 0, 0);
  assert.deepEqual([pixel(whole, 5, 2), pixel(whole, 10, 5)], [[0, 0, 0], [0, 0, 0]]);
  same(image.crop(whole, 11, 0, 9, 10), image.crop(noise(20, 10, 'rgb'), 11, 0, 9, 10));
  same(image.resize({ ...part, data: Buffer.from(part.data) }, 6, 4), image.resize(part, 6, 4));
  same(image.resize({ ...part, data: new Uint8ClampedArray(part.data) }, 6, 4), image.resize(part, 6, 4));
});

test('a model gets its input', async () => {
  const pixels = noise(7, 8, 'rgb'), mean = [0.1, 0.2, 0.3], deviation = [0.5, 0.6, 0.7];
  const close = (got, of) => got.forEach((value, k) => assert.ok(Math.abs(value - of(k)) < 1e-5));
  close(image.normalize(pixels, { scale: 1 / 255, mean, deviation }), (k) => (pixels.data[k] / 255 - mean[k % 3]) / deviation[k % 3]);
  const planes = image.normalize(pixels, { layout: 'chw', order: 'bgr', mean: 1 });
  close(planes, (k) => pixels.data[(k % 56) * 3 + 2 - Math.floor(k / 56)] - 1);
  const out = new Float32Array(168);
  assert.equal(image.normalize(pixels, { out }), out);
  close(out, (k) => pixels.data[k]);
  const model = await mindSporeLite.loadModelFromFile(face);
  const inputs = model.getInputs();
  inputs[0].setData(image.normalize(image.resize(image.read(photoFile), 48, 48), { scale: 1 / 128, mean: 1 }));
  const prob = new Float32Array((await model.predict(inputs))[0].getData());
  assert.ok(Math.abs(prob[0] + prob[1] - 1) < 1e-3);
  const small = noise(48, 48, 'rgb');
  assert.equal(image.normalize(small, { scale: 0.5, out: inputs[0] }), inputs[0]);
  close(new Float32Array(inputs[0].getData()), (k) => small.data[k] / 2);
  assert.throws(() => image.normalize(pixels, { out: inputs[0] }), /out has 6912 elements; the picture has 168/);
  assert.throws(() => image.normalize(small, { out: {} }), { code: 401, message: /neither a Float32Array nor an MSTensor/ });
  const running = model.predict(inputs);
  assert.throws(() => image.normalize(small, { out: inputs[0] }), /running/);
  await running;
  model.close();
  assert.throws(() => image.normalize(small, { out: inputs[0] }), /closed/);
});

test('suppressed boxes', () => {
  const boxes = Float32Array.of(0, 0, 10, 10, 1, 1, 11, 11, 20, 20, 30, 30, 0, 0, 10, 9), scores = Float32Array.of(0.6, 0.9, 0.3, 0.7);
  assert.deepEqual(image.suppressBoxes(boxes, scores), Int32Array.of(1, 2));
  assert.deepEqual(image.suppressBoxes(boxes, scores, { classes: Int32Array.of(0, 1, 0, 0) }), Int32Array.of(1, 3, 2));
  assert.deepEqual(image.suppressBoxes(boxes, scores, { iouThreshold: 1, scoreThreshold: 0.5 }), Int32Array.of(1, 3, 0));
  assert.deepEqual(image.suppressBoxes(boxes, scores, { iouThreshold: 1, capacity: 2 }), Int32Array.of(1, 3));
  assert.deepEqual(image.suppressBoxes(new Float32Array(0), new Float32Array(0)), new Int32Array(0));
});

test('drawing', () => {
  const canvas = picture(60, 40, 'rgb', () => [0, 0, 0]);
  image.drawBox(canvas, 5, 6, 10, 8, [255, 0, 0], 0);
  image.drawLine(canvas, 0, 39, 59, 39, [0, 1, 2]);
  image.drawMask(canvas, picture(60, 40, 'gray', (x, y) => [y < 2 ? 255 : 0]), [100, 200, 40], 0.5);
  const wanted = (x, y) => (y === 39 ? [0, 1, 2] : y < 2 ? [50, 100, 20] : x >= 5 && x < 15 && y >= 6 && y < 14 ? [255, 0, 0] : [0, 0, 0]);
  same(canvas, picture(60, 40, 'rgb', wanted));
  const text = { data: new Float32Array(image.FONT_WIDTH * 2 * image.FONT_HEIGHT), width: image.FONT_WIDTH * 2, height: image.FONT_HEIGHT, format: 'gray' };
  image.drawText(text, 0, 0, 'Hi', 1.5);
  assert.deepEqual([...new Set(text.data)].sort(), [0, 1.5]);
});

test('labels, points, turned boxes', () => {
  const canvas = picture(80, 60, 'rgb', () => [0, 0, 0]);
  image.drawLabel(canvas, [10.4, 30.2, 50, 55], 'Hi', [9, 8, 7], [255, 0, 0], 1);
  assert.deepEqual([pixel(canvas, 10, 31), pixel(canvas, 49, 54), pixel(canvas, 13, 40), pixel(canvas, 10, 20), pixel(canvas, 10, 19)],
    [[9, 8, 7], [9, 8, 7], [0, 0, 0], [9, 8, 7], [0, 0, 0]]);
  assert.ok(canvas.data.includes(255));
  image.drawLabel(canvas, Float32Array.of(-5, 1, 200, 9), 'outside, above', 5);
  assert.deepEqual(pixel(canvas, 0, 1), [5, 5, 5]);
  image.drawPoint(canvas, 60.9, 50.1, 4, 1);
  assert.deepEqual([pixel(canvas, 60, 50), pixel(canvas, 61, 50)], [[4, 4, 4], [0, 0, 0]]);
  const pixels = noise(40, 30, 'rgb');
  same(image.cut(pixels, { x: 15, y: 12, width: 10, height: 6, angle: 0 }, 10, 6), image.crop(pixels, 10, 9, 10, 6));
  const turned = image.rotate90(image.crop(pixels, 12, 7, 6, 10), 3);
  image.cut(pixels, { x: 15, y: 12, width: 10, height: 6, angle: Math.PI / 2 }, 10, 6).data
    .forEach((value, k) => assert.ok(Math.abs(value - turned.data[k]) <= 1));
  const box = { x: 15, y: 12, width: 10, height: 6, angle: 0.5 };
  assert.deepEqual(image.placeIn(box, 0.5, 0.5), [15, 12]);
  assert.ok(Math.abs(image.placeIn(box, 0, 0)[0] + image.placeIn(box, 1, 1)[0] - 30) < 1e-9);
  assert.ok(Math.abs(image.overlap([0, 0, 2, 2], [1, 0, 3, 2]) - 1 / 3) < 1e-9 && image.overlap([0, 0, 1, 1], [1, 0, 2, 1]) === 0);
  assert.deepEqual(image.toSource({ scale: 2, left: 10, top: 20 }, [12, 24, 14, 26]), [1, 2, 2, 3]);
});

test('what is wrong', () => {
  const pixels = noise(12, 10, 'rgb'), kept = pixels.data.slice();
  const wrong = (call, text, code = 401) => assert.throws(call, (error) => error.code === code && error.message.includes(text), `${call}`);
  const status = { ERROR: 0xffffffff, PARAM_INVALID: 0xfffffffd, NOT_SUPPORT: 0xfffffff9 };
  wrong(() => image.read('no/such.png'), 'no/such.png: No such file', status.ERROR);
  wrong(() => image.read(5), 'the path is not a string');
  wrong(() => image.read('a\0b'), 'NUL');
  wrong(() => image.read(photoFile, 'hsv'), '"hsv"; expected one of gray, rgb');
  wrong(() => image.read(photoFile, 'nv12'), 'expected GRAY, RGB', status.PARAM_INVALID);
  wrong(() => image.decode(Buffer.from('no picture')), 'neither those of a PNG', status.ERROR);
  wrong(() => image.decode(new ArrayBuffer(0)), 'no picture', status.ERROR);
  wrong(() => image.decode('text'), 'neither an ArrayBuffer');
  wrong(() => image.writePng(pixels, 'no/such/folder.png'), 'no/such/folder.png', status.ERROR);
  wrong(() => image.encodePng(noise(3, 3, 'rgb', Float32Array)), 'floats', status.PARAM_INVALID);
  wrong(() => image.resize(undefined, 1, 1), 'no picture');
  wrong(() => image.resize({ ...pixels, data: new Int16Array(999) }, 1, 1), 'neither a Uint8Array nor');
  wrong(() => image.resize({ ...pixels, data: [1, 2] }, 1, 1), 'neither a Uint8Array nor');
  wrong(() => image.resize({ ...pixels, data: new Uint8Array(359) }, 1, 1), '359 bytes; 12 x 10 pixels of rgb have 360');
  wrong(() => image.resize({ ...pixels, format: undefined }, 1, 1), 'no format');
  wrong(() => image.resize({ ...pixels, format: 'rgba' }, 1, 1), '480');
  wrong(() => image.resize({ ...pixels, width: 1e9 }, 1, 1), 'width');
  wrong(() => image.resize({ ...pixels, stride: 35 }, 1, 1), 'stride');
  wrong(() => image.resize({ ...pixels, stride: 37 }, 1, 1), '369');
  wrong(() => image.resize(pixels, 0, 5), 'width');
  wrong(() => image.resize(pixels, 2.5, 5), 'width');
  wrong(() => image.resize(pixels, 65535, 65535), '2^28');
  wrong(() => image.resize(pixels, 5, 5, { interpolation: 'cubic' }), 'interpolation is "cubic"');
  wrong(() => image.resize(pixels, 5, 5, { out: noise(5, 6, 'rgb') }), 'out is 5 x 6 pixels of rgb');
  wrong(() => image.resize(pixels, 5, 5, { out: noise(5, 5, 'bgr') }), 'out is 5 x 5 pixels of bgr');
  wrong(() => image.resize(pixels, 5, 5, { out: noise(5, 5, 'rgb', Float32Array) }), 'floats');
  wrong(() => image.resize(pixels, 12, 10, { out: pixels }), 'share memory');
  wrong(() => image.crop(pixels, 8, 0, 8, 4), '12 x 10', status.PARAM_INVALID);
  wrong(() => image.pad(pixels, -1, 0, 0, 0), 'ImagePad', status.PARAM_INVALID);
  wrong(() => image.pad(pixels, 1, 0, 0, 0, { value: [1, 2] }), 'value is not an array of 3 numbers');
  wrong(() => image.convert(pixels), 'no format');
  wrong(() => image.warpAffine(pixels, [1, 2], 5, 5), 'the matrix is not an array of 6 numbers');
  wrong(() => image.warpAffine(pixels, Array(6), 5, 5), 'the matrix is not a number');
  wrong(() => image.warpAffine(pixels, Array(6).fill(0), 5, 5), 'inverse', status.PARAM_INVALID);
  wrong(() => image.perspectiveMatrix(Array(8).fill(0), Array(8).fill(0)), 'line', status.PARAM_INVALID);
  wrong(() => image.normalize(pixels, { out: new Float32Array(3) }), 'out has 3 elements');
  wrong(() => image.normalize(pixels, { out: new Uint8Array(360) }), 'no Float32Array');
  wrong(() => image.normalize(pixels, { deviation: 0 }), 'deviation', status.PARAM_INVALID);
  wrong(() => image.normalize(pixels, { order: 'gray' }), 'Normalize', status.PARAM_INVALID);
  wrong(() => image.suppressBoxes([1], new Float32Array(1)), 'boxes is no Float32Array');
  wrong(() => image.suppressBoxes(new Float32Array(5), new Float32Array(1)), '5 numbers');
  wrong(() => image.suppressBoxes(new Float32Array(4), new Float32Array(1), { classes: new Int32Array(2) }), 'a class each');
  wrong(() => image.suppressBoxes(new Float32Array(4), new Float32Array(1), { iouThreshold: 2 }), 'iou', status.PARAM_INVALID);
  wrong(() => image.drawBox(pixels, 0, 0, 3, 3), 'color is NULL', 0xfffffffe);
  wrong(() => image.drawBox(pixels, 0, 0, 2 ** 40, 3, 0), 'whole number');
  wrong(() => image.drawMask(pixels, noise(3, 3, 'gray'), 0), 'mask', status.PARAM_INVALID);
  wrong(() => image.drawText(pixels, 0, 0, 'a', 0, 0), 'scale', status.PARAM_INVALID);
  assert.deepEqual(pixels.data, kept);
});

test('memory that is taken away while arguments are read', () => {
  const pixels = noise(12, 10, 'rgb');
  const options = {
    get out() {
      structuredClone(pixels.data.buffer, { transfer: [pixels.data.buffer] });
      return undefined;
    },
  };
  assert.throws(() => image.resize(pixels, 5, 5, options), { code: 401, message: /have 0 bytes/ });
  const detached = noise(2, 2, 'rgb');
  structuredClone(detached.data.buffer, { transfer: [detached.data.buffer] });
  assert.throws(() => image.encodePng(detached), { code: 401 });
});

test('in workers', async () => {
  const code = `const { image } = require(${JSON.stringify(require.resolve('mslite'))});
    require('node:worker_threads').parentPort.postMessage(image.read(${JSON.stringify(photoFile)}).data.length);`;
  const sizes = await Promise.all([1, 2, 3].map(() => new Promise((resolve, reject) => new Worker(code, { eval: true }).on('message', resolve).on('error', reject))));
  assert.ok(sizes.every((size) => size === image.read(photoFile).data.length));
});

test('the package without libmslite_image.so', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mslite'));
  try {
    fs.cpSync(path.dirname(require.resolve('mslite')), folder, { recursive: true });
    fs.rmSync(path.join(folder, 'libmslite_image.so.1'));
    const code = `const { image, mindSporeLite } = require(${JSON.stringify(folder)});
      try { image.read('a.png'); } catch (error) { console.log(mindSporeLite.getVersion(), error.code, error.message); }`;
    const environment = { ...process.env, LD_LIBRARY_PATH: '' };
    const printed = execFileSync(process.execPath, ['-e', code], { encoding: 'utf8', env: environment });
    assert.match(printed, /^mslite .* 4294967289 the pictures' functions need libmslite_image\.so\.1, which cannot be loaded: .*No such file/);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
