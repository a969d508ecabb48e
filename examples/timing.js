'use strict';
// How long something takes, for the JavaScript examples.

/** The median of several calls, in milliseconds; a call may be a promise. */
exports.medianMilliseconds = async (call, calls = 30) => {
  const times = [];
  for (let k = 0; k < calls; k++) {
    const start = process.hrtime.bigint();
    await call();
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  return times.sort((a, b) => a - b)[calls >> 1];
};
