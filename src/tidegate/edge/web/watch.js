// The watch page: joins the video, the session that plays it, and the figures beside it.

import { FreezeMeter } from "./freeze.js";
import { playable } from "./players.js";
import { Session } from "./session.js";
import { sparkline } from "./sparkline.js";
import { SAMPLE_MS, Stats } from "./stats.js";

const at = (id) => document.getElementById(id);
const channel = location.pathname.split("/").at(-1);
const video = at("video");
const freeze = new FreezeMeter(video);
const session = new Session(video, channel, freeze, showStatus);
const stats = new Stats(video, session, freeze);

/** For tests and for whoever opens the console. */
window.tidegate = { stats: () => ({ mode: mode(), ...stats.figures() }) };

document.title = `${channel} · Tidegate`;
at("name").textContent = channel;
at("unmute").addEventListener("click", () => { video.muted = false; });
video.addEventListener("volumechange", showSound);
addEventListener("hashchange", choose);
for (const input of at("modes").elements) {
  input.disabled = input.type === "radio" && !playable(input.value);
  input.addEventListener("change", () => { location.hash = input.value; });
}
video.muted = true;
showStatus(session.status);
choose();
setInterval(sample, SAMPLE_MS);

function mode() {
  return location.hash === "#flv" && playable("flv") ? "flv" : "hls";
}

function choose() {
  at("modes").querySelector(`[value=${mode()}]`).checked = true;
  session.start(mode());
}

function showStatus(status) {
  for (const place of [at("status"), at("veil")]) {
    place.textContent = status[0].toUpperCase() + status.slice(1);
    place.dataset.state = status;
  }
  video.controls = ["live", "paused", "press play"].includes(status);
  showSound();
}

function showSound() {
  at("unmute").hidden = !(video.muted && video.controls);
}

function sample() {
  stats.sample();
  if (document.hidden) return;
  const now = stats.figures();
  const frames = now.total_frames ? ` of ${now.total_frames}` : "";
  show("latency", now.latency_s, (s) => `${s.toFixed(2)} s`);
  show("buffer", now.buffer_s || null, (s) => `${s.toFixed(2)} s`);
  show("frozen", now.frozen_s, (s) => `${s.toFixed(1)} s in ${now.stalls}`);
  show("rate", now.played_s ? now.freeze_rate : null, (rate) => `${(rate * 100).toFixed(2)} %`);
  show("dropped", now.dropped_frames, (count) => `${count}${frames}`);
  show("bitrate", now.bitrate_bps, (bps) => `${(bps / 1e6).toFixed(2)} Mbit/s`);
  show("picture", now.width || null, () => `${now.width} × ${now.height}`);
  show("join", now.join_s, (s) => `${s.toFixed(2)} s`);
  show("attaches", now.attaches || null, (count) => (count === 1 ? "Once" : `${count} times`));
  sparkline(at("sparkline"), stats.latencies, 120);
}

function show(id, value, text) {
  at(id).textContent = value === null ? "–" : text(value);
}
