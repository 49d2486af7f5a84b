// Loaded into the language server before it starts: notes each time that its event loop was held up, and tells it when the process is asked to.
// A timer of a millisecond comes late by as long as something else ran. Where other processes want the processors too, that may be they:
// what counts is no more than the processor time that this process took meanwhile.
import fs from 'node:fs';

const held = [];
let last = performance.now();
let used = process.cpuUsage();
setInterval(() => {
  const now = performance.now();
  const { user, system } = process.cpuUsage();
  const own = (user + system - used.user - used.system) / 1000;
  const ms = now - last - 1;
  if (ms > 10) held.push({ until: now + performance.timeOrigin, ms: Math.min(ms, own), wall: ms });
  last = now;
  used = { user, system };
}, 1).unref();
process.on('SIGUSR2', () => {
  // Both clocks, so that a profile's times can be compared with them.
  const clocks = { hr: Number(process.hrtime.bigint()) / 1000, wall: performance.now() + performance.timeOrigin };
  const { user, system } = process.cpuUsage();
  const all = { held, memory: process.memoryUsage(), cpu: (user + system) / 1000, ...clocks };
  fs.writeFileSync(process.env.PACKET_WALK_DELAYS, JSON.stringify(all));
  held.length = 0;
});
