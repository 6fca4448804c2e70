// The list of channels, kept fresh for as long as somebody looks at it.

const REFRESH_MS = 2000;
const CODECS = { avc1: "H.264", hvc1: "HEVC", hev1: "HEVC", av01: "AV1", mp4a: "AAC", opus: "Opus" };

const list = document.getElementById("channels");
const row = document.getElementById("channel");
const summary = document.getElementById("summary");
let shown = null;

for (const place of document.querySelectorAll("[data-host]")) {
  place.textContent = location.hostname;
}
refresh();

async function refresh() {
  if (!document.hidden) {
    try {
      const answer = await fetch("/channels.json", { signal: AbortSignal.timeout(5000) });
      show(await answer.json());
    } catch {
      summary.textContent = "The edge does not answer. Trying again.";
    }
  }
  setTimeout(refresh, REFRESH_MS);
}

function show(channels) {
  const live = channels.filter((channel) => channel.live).length;
  const viewers = channels.reduce((sum, channel) => sum + channel.viewers, 0);
  summary.textContent = channels.length ? `${live} live · ${count(viewers, "viewer")}` : "";
  list.hidden = channels.length === 0;
  document.getElementById("empty").hidden = channels.length > 0;
  if (shown === null || (channels.length === 0) !== (shown === 0)) {
    document.getElementById("publish").open = channels.length === 0;
  }
  shown = channels.length;
  list.replaceChildren(...channels.sort(byLiveThenName).map(described));
}

function byLiveThenName(one, other) {
  return other.live - one.live || one.name.localeCompare(other.name);
}

function described(channel) {
  const item = row.content.cloneNode(true);
  item.querySelector("a").href = `/watch/${channel.name}`;
  item.querySelector("strong").textContent = channel.name;
  const badge = item.querySelector(".badge");
  badge.dataset.state = channel.live ? "live" : "off";
  badge.textContent = channel.live ? "Live" : "Ended";
  item.querySelector(".what").textContent = what(channel);
  item.querySelector(".viewers").textContent = count(channel.viewers, "viewer");
  return item;
}

function what({ video, audio, since_ms: since, live }) {
  const rate = video?.frame_rate ? `${Math.round(video.frame_rate * 100) / 100} fps` : null;
  return [
    video && `${video.width} × ${video.height}`,
    rate,
    [video, audio].filter(Boolean).map(codec).join(" + "),
    live && since && `live for ${age(Date.now() - since)}`,
  ].filter(Boolean).join(" · ");
}

function codec(track) {
  return CODECS[track.codec.split(".")[0]] ?? track.codec;
}

function age(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "< 1 min";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
