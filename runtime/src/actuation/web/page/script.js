"use strict";

const STATES = {
  idle: "Listening", candidate: "Heard something", tracking: "Looking at the source",
  holding: "Waiting for it to go on", home: "At home",
};
const QUIETEST_DBFS = -80;
// A movement by hand ends by itself soon after the last request: it is asked for again while a button is held.
const DRIVE_AGAIN_MS = 300;
const SILENT_MS = 5000;
const AGAIN_MS = 2000;

const at = (id) => document.getElementById(id);
const set = (id, text) => { const place = at(id); if (place.textContent !== text) place.textContent = text; };
let last = null;
let heardAt = performance.now();

/* ---- The token: typed here, or handed over once in the address (#token=…) ---- */

const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("token")) {
  localStorage.setItem("token", fragment.get("token"));
  history.replaceState(null, "", location.pathname);
}
at("token").value = localStorage.getItem("token") ?? "";
at("key").open = !localStorage.getItem("token");
at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  localStorage.setItem("token", at("token").value.trim());
  at("key").open = false;
  notice("");
});

/* ---- Requests ---- */

let noticeTimer = 0;
function notice(text) {
  set("notice", text);
  at("notice").hidden = !text;
  clearTimeout(noticeTimer);
  if (text) noticeTimer = setTimeout(notice, 10000, "");
}

async function ask(request) {
  try {
    const token = localStorage.getItem("token");
    const headers = { "Content-Type": "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch("/api/request", { method: "POST", headers, body: JSON.stringify(request) });
    if (answer.ok) { notice(""); return true; }
    if (answer.status === 401) { at("key").open = true; at("token").focus(); }
    const { error } = await answer.json();
    notice(`Not done: ${error}.`);
  } catch {
    notice("Not done: the device does not answer.");
  }
  return false;
}

at("pause").addEventListener("click", () => ask({ request: last?.paused ? "resume" : "pause" }));
at("home").addEventListener("click", () => ask({ request: "home" }));
at("stop").addEventListener("click", () => { release(false); ask({ request: "stop" }); });

/* ---- Turning by hand: as long as a button or an arrow key is held ---- */

let held = null;
let driveTimer = 0;
let driving = Promise.resolve(true);

function hold(button) {
  if (held === button) return;
  release(false);
  held = button;
  button.classList.add("held");
  drive();
}

async function drive() {
  const button = held;
  if (!button) return;
  const speed = Number(at("speed").value);
  const request = { request: "drive", pan: button.dataset.pan * speed, tilt: button.dataset.tilt * speed };
  driving = ask(request);
  const done = await driving;
  if (held !== button) return;
  if (done) driveTimer = setTimeout(drive, DRIVE_AGAIN_MS);
  else release(false);
}

function release(stops = true) {
  if (!held) return;
  held.classList.remove("held");
  held = null;
  clearTimeout(driveTimer);
  // After the last request to turn has arrived, so that it is not overtaken.
  if (stops) driving.then((done) => done && !held && ask({ request: "stop" }));
}

const arrows = {};
for (const button of document.querySelectorAll(".pad [data-pan]")) {
  const { pan, tilt } = button.dataset;
  arrows[pan === "0" ? (tilt === "1" ? "ArrowUp" : "ArrowDown") : (pan === "1" ? "ArrowRight" : "ArrowLeft")] = button;
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    button.focus();
    button.setPointerCapture(event.pointerId);
    hold(button);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(end, () => release());
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}
const pad = document.querySelector(".pad");
pad.addEventListener("keydown", (event) => {
  const pressed = [" ", "Enter"].includes(event.key) ? event.target.closest("[data-pan]") : arrows[event.key];
  if (!pressed || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  hold(pressed);
});
pad.addEventListener("keyup", () => release());
pad.addEventListener("focusout", () => release());
window.addEventListener("blur", () => release());

/* ---- The state ---- */

function bar(id, share, value) {
  at(id).querySelector("i").style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  at(id).setAttribute("aria-valuenow", value.toFixed(2));
}

function side(degrees, less, more) {
  const whole = Math.round(degrees);
  return whole === 0 ? "0°" : `${Math.abs(whole)}° ${whole < 0 ? less : more}`;
}

function show(status) {
  last = status;
  heardAt = performance.now();
  const paused = status.paused;
  set("state", paused ? "Paused" : STATES[status.state] ?? status.state);
  at("state").className = `pill ${paused ? "paused" : status.state}`;
  set("pause", paused ? "Resume" : "Pause");
  at("pause").classList.toggle("on", paused);

  const similarity = status.similarity;
  set("similarity", similarity === null ? "–" : `${similarity.toFixed(2)} of ${status.threshold.toFixed(2)}`);
  bar("similarity-bar", similarity ?? 0, Math.max(0, similarity ?? 0));
  at("similarity-bar").classList.toggle("over", status.accepted);
  at("similarity-bar").querySelector("b").style.left = `${100 * Math.min(1, Math.max(0, status.threshold))}%`;
  const probability = status.probability;
  at("probability-gauge").hidden = probability === undefined;
  set("probability", `${Math.round(100 * (probability ?? 0))} %`);
  bar("probability-bar", probability ?? 0, probability ?? 0);
  at("probability-bar").classList.toggle("over", status.accepted);
  set("level", status.meter_dbfs <= -144 ? "silent" : `${status.meter_dbfs.toFixed(0).replace("-", "−")} dBFS`);
  bar("level-bar", 1 - status.meter_dbfs / QUIETEST_DBFS, Math.max(QUIETEST_DBFS, Math.min(0, status.meter_dbfs)));

  const { pan_degrees: pan, tilt_degrees: tilt } = status;
  const looks = pan === null ? "" : `${side(pan, "left", "right")}, ${side(tilt, "down", "up")}`;
  set("orientation", [looks, status.moving ? "turning" : ""].filter(Boolean).join(" · "));
  set("percepts", `${status.percepts_per_second.toFixed(1)} a second`);
  set("frames", `${status.frames_per_second.toFixed(1)} frames a second`);
  const celsius = status.temperature_celsius;
  set("temperature", (celsius === null ? "not known" : `${celsius.toFixed(0)} °C`) + (status.throttled ? ", slowed down" : ""));
  at("temperature").classList.toggle("warm", status.throttled);
  showStages(status.stages);
}

function showStages(stages) {
  const list = at("stages");
  while (list.children.length > stages.length) list.lastChild.remove();
  stages.forEach((stage, index) => {
    const again = stage.restarts === 0 ? "" : stage.restarts === 1 ? "started again once" : `started again ${stage.restarts} times`;
    const words = [stage.trouble ?? (stage.fresh ? "" : "gives no sign of life"), again].filter(Boolean).join("; ");
    const told = `${stage.name}\n${stage.fresh}\n${words}`;
    const item = list.children[index] ?? list.appendChild(document.createElement("li"));
    if (item.told === told) return;
    item.told = told;
    item.className = stage.fresh ? "" : "ailing";
    item.textContent = stage.name;
    if (words) item.appendChild(document.createElement("small")).textContent = words;
  });
}

function lost() {
  set("state", "No connection");
  at("state").className = "pill lost";
}

let events = null;
function follow() {
  events?.close();
  events = new EventSource("/events");
  events.addEventListener("status", (event) => show(JSON.parse(event.data)));
}
setInterval(() => {
  if (document.hidden) return;
  if (performance.now() - heardAt > SILENT_MS) {
    lost();
    // The browser tries again by itself, except after an answer that it takes for final.
    if (events?.readyState === EventSource.CLOSED) follow();
  }
}, 1000);

/* ---- The picture ---- */

const picture = at("picture");
let pictureTimer = 0;
function watch() {
  clearTimeout(pictureTimer);
  picture.src = `/stream.mjpg?${Date.now()}`;
}
picture.addEventListener("load", () => { picture.classList.remove("empty"); set("caption", ""); });
picture.addEventListener("error", () => {
  if (document.hidden) return;
  picture.classList.add("empty");
  set("caption", "No picture; trying again…");
  pictureTimer = setTimeout(watch, AGAIN_MS);
});
// Whoever does not look costs the device nothing.
function attend() {
  if (document.hidden) {
    release();
    clearTimeout(pictureTimer);
    events?.close();
    picture.removeAttribute("src");
  } else {
    heardAt = performance.now();
    follow();
    watch();
  }
}
document.addEventListener("visibilitychange", attend);
attend();
