'use strict';
// Pictures: the addon's functions, and what is put together from them.

const native = require('./mslite.node').image;

/** The nearest whole number; far outside of every picture for what no picture reaches. */
const nearest = (value) => Math.floor(Math.min(Math.max(value, -1e6), 1e6) + 0.5);

/** Where the part (u, v) of a turned box lies. */
function placeIn(box, u, v) {
  const x = (u - 0.5) * box.width, y = (v - 0.5) * box.height, cosine = Math.cos(box.angle), sine = Math.sin(box.angle);
  return [box.x + x * cosine - y * sine, box.y + x * sine + y * cosine];
}

/** What lies in a turned box, upright and scaled to a size. */
function cut(picture, box, width, height, options) {
  // From corners at whole numbers to corners at whole numbers; then from pixels' middles to middles.
  const across = width / box.width, down = height / box.height, cosine = Math.cos(box.angle), sine = Math.sin(box.angle);
  const matrix = [
    across * cosine, across * sine, width / 2 - across * (cosine * box.x + sine * box.y),
    -down * sine, down * cosine, height / 2 - down * (cosine * box.y - sine * box.x),
  ];
  matrix[2] += (matrix[0] + matrix[1] - 1) / 2;
  matrix[5] += (matrix[3] + matrix[4] - 1) / 2;
  return native.warpAffine(picture, matrix, width, height, options);
}

/** What two boxes share, of their union. */
function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (!(width > 0 && height > 0)) return 0;
  return (width * height) / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height);
}

function drawPoint(picture, x, y, color, diameter = 3) {
  native.drawLine(picture, Math.floor(x), Math.floor(y), Math.floor(x), Math.floor(y), color, diameter);
}

/** A box by its edges; one without area draws nothing. */
function drawEdges(picture, [left, top, right, bottom], color, thickness) {
  const x = nearest(left), y = nearest(top), width = nearest(right) - x, height = nearest(bottom) - y;
  if (width > 0 && height > 0) native.drawBox(picture, x, y, width, height, color, thickness);
}

/** A box with a line of text on a bar of its colour: over its upper edge, or below that where there is no room. */
function drawLabel(picture, box, text, color, textColor = 0, scale = 2) {
  const [left, top] = box, barWidth = ([...text].length * native.FONT_WIDTH + 1) * scale, barHeight = (native.FONT_HEIGHT + 1) * scale;
  const barLeft = Math.max(Math.min(left, picture.width - barWidth), 0), barTop = top >= barHeight ? top - barHeight : Math.max(top, 0);
  drawEdges(picture, box, color, Math.max(scale, 2));
  drawEdges(picture, [barLeft, barTop, barLeft + barWidth, barTop + barHeight], color, 0);
  native.drawText(picture, nearest(barLeft + scale), nearest(barTop + 2 * scale), text, textColor, scale);
}

/** Places of a letterbox in the source: x and y in turn, as of points or of boxes. */
function toSource(placement, numbers) {
  return Array.from(numbers, (value, k) => (value - (k % 2 === 0 ? placement.left : placement.top)) / placement.scale);
}

module.exports = Object.freeze({ ...native, cut, drawLabel, drawPoint, overlap, placeIn, toSource });
