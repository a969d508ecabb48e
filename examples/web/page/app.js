// Takes a frame from a source, asks the server what is in it, draws frame and answer together, and takes the next one.
import { frameOf, sources } from "./sources.js";
import { draw, size } from "./drawing.js";

const $ = (id) => document.getElementById(id);
const choice = (name) => document.querySelector(`input[name=${name}]:checked`).value;
// The built-in picture that shows a task best.
const samples = { faces: "portraits.jpg", person: "grace_hopper.jpg", classes: "cat.jpg" };
const stage = $("stage");

let source = null; // null while one is being opened
let paused = false;
let changed = true; // a picture that stands still is sent again only when something has changed
let tasks = {};

// --- what the server is asked ---

// The server's answer, or an Error with its text, `passing` if the same question may get an answer later.
async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw Object.assign(new Error("The server does not answer; trying again."), { passing: true });
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

async function detect(frame, task) {
  const picture = await new Promise((done) => frame.toBlob(done, "image/jpeg", 0.85));
  return ask(`api/detect?task=${task}`, { method: "POST", headers: { "Content-Type": "image/jpeg" }, body: picture });
}

// --- the loop ---

const nextFrame = () => new Promise(requestAnimationFrame);
const seconds = (time) => new Promise((done) => setTimeout(done, 1000 * time));

async function run() {
  for (;;) {
    await nextFrame(); // does not come while the page is hidden
    if (paused || !source || (source.still && !changed)) continue;
    const asked = source, task = choice("task");
    changed = false;
    try {
      const { canvas, view } = frameOf(asked, performance.now() / 1000);
      const start = performance.now();
      const answer = await detect(canvas, task);
      if (source !== asked || choice("task") !== task) continue; // it answers another question by now
      await draw(stage, canvas, answer, choice("effect"));
      stage.dataset.view = JSON.stringify(view);
      stage.dataset.task = task;
      stage.dataset.frames = Number(stage.dataset.frames ?? 0) + 1;
      report(answer, performance.now() - start, asked.still);
      fail(null);
    } catch (error) {
      fail(error);
      changed ||= error.passing;
      await seconds(1);
    }
  }
}

// --- what the page says ---

const times = []; // of the last frames
let latest = null;
let shown = 0;

function report(answer, trip, still) {
  const now = performance.now();
  times.push(now);
  while (times.length > 2 && times[0] < now - 2000) times.shift();
  latest = { answer, trip, still };
  if (now - shown > 250 || still || paused) show(); // as often as one can read
}

function show() {
  shown = performance.now();
  const { answer, trip, still } = latest;
  const rate = (1000 * (times.length - 1)) / (times.at(-1) - times[0]);
  $("rate").textContent = still || times.length < 2 ? "–" : rate.toFixed(rate < 10 ? 1 : 0);
  $("inference").textContent = answer.milliseconds.inference.toFixed(1);
  $("trip").textContent = trip.toFixed(0);
  $("found").replaceChildren(...found(answer));
}

function found(answer) {
  if (answer.mask) return [row("Person", answer.mask.share, "of the picture")];
  if (answer.classes) return answer.classes.map((one) => row(one.label, one.score));
  if (answer.faces.length === 0) return [Object.assign(document.createElement("li"), { className: "none", textContent: "No face" })];
  return answer.faces.map((face, k) => {
    const [left, top, right, bottom] = face.box;
    const item = row(`Face ${k + 1}, ${size(right - left, bottom - top)}`, face.score);
    item.dataset.box = JSON.stringify(face.box);
    return item;
  });
}

function row(name, score, unit = "") {
  const item = document.createElement("li"), bar = document.createElement("i"), value = document.createElement("b");
  item.dataset.score = score;
  bar.style.width = `${100 * score}%`;
  value.textContent = `${Math.round(100 * score)} % ${unit}`;
  item.append(name, value, bar);
  return item;
}

function fail(error) {
  $("error").hidden = error === null;
  $("error").textContent = error === null ? "" : error.message;
}

function showNetworks() {
  $("networks").replaceChildren(...(tasks[choice("task")]?.networks ?? []).map(({ file, bytes, input }) => {
    const item = document.createElement("li"), name = document.createElement("code"), about = document.createElement("small");
    name.textContent = file;
    about.textContent = `${(bytes / 1e6).toFixed(1)} MB, input ${input.join(" × ")}`;
    item.append(name, about);
    return item;
  }));
}

// --- what is chosen ---

let opening = null; // what was asked for last

async function open(name, file) {
  const own = (opening = { name });
  source?.close();
  source = null;
  times.length = 0;
  try {
    const next = await (sources[name] ?? sources.picture)(name, file);
    if (opening !== own) return next.close(); // another one has been asked for meanwhile
    source = next;
    changed = true;
    fail(null);
  } catch (error) {
    if (opening === own) fail(error);
  }
}

const select = (name) => (document.querySelector(`input[name=source][value="${name}"]`).checked = true);

function openFile(file) {
  select("file");
  open("file", file);
}

for (const input of document.querySelectorAll("input[name=task]"))
  input.addEventListener("change", () => {
    changed = true;
    $("effects").hidden = choice("task") !== "person";
    showNetworks();
    if (choice("source") in sources) return; // a camera or a picture of one's own stays
    select(samples[choice("task")]);
    open(choice("source"));
  });
for (const input of document.querySelectorAll("input[name=effect]")) input.addEventListener("change", () => (changed = true));
for (const input of document.querySelectorAll("input[name=source]"))
  input.addEventListener("click", () => (input.value === "file" ? $("file").click() : open(input.value)));
$("file").addEventListener("click", () => ($("file").value = "")); // the same file again is a change too
$("file").addEventListener("change", () => openFile($("file").files[0]));
$("file").addEventListener("cancel", () => select(opening.name));
stage.addEventListener("dragover", (event) => event.preventDefault());
stage.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length > 0) openFile(event.dataTransfer.files[0]);
});
$("pause").addEventListener("click", () => {
  paused = !paused;
  if (!paused) times.length = 0;
  else if (latest) show(); // of the frame that stays
  $("pause").setAttribute("aria-pressed", paused);
  $("pause").setAttribute("aria-label", paused ? "Go on" : "Pause");
});

ask("api/tasks").then((answer) => {
  tasks = answer.tasks;
  $("engine").textContent = answer.engine;
  showNetworks();
}, fail);
open(choice("source"));
run();
