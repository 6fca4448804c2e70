// One viewer's stay at one channel: it attaches, notices that the picture is lost, and attaches
// again, for as long as the page is open. Law: whatever dies and comes back (publisher, packager,
// edge), the picture comes back without a reload.

import { player } from "./players.js";
import { probe } from "./probe.js";

const WATCH_EVERY_MS = 500;
const SUSPECT_AFTER_MS = 1500; // of a still picture: ask the edge what became of the channel
const GIVE_UP_AFTER_MS = 8000; // of a still picture while the channel grows: this player is stuck
const PAUSED_TOO_LONG_MS = 20_000; // a paused player would hoard what it is sent
const STEADY_MS = 10_000; // of life, after which a lost player was not a failed one
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 3000;
const OFF_AIR_POLL_MS = 1000;

const AT_ONCE = new Set(["replaced", "discontinuity", "gap", "moved on"]); // nothing has failed

export class Session {
  attaches = 0;
  epoch = null;
  player = null;
  join_s = null;
  status = "starting";

  constructor(video, channel, freeze, onStatus) {
    Object.assign(this, { video, channel, freeze, onStatus });
    this.run = 0;
    this.retry = FIRST_RETRY_MS;
    this.paused = false; // by the viewer
    video.addEventListener("playing", () => this.onPlaying());
    video.addEventListener("timeupdate", () => { this.movedAt = performance.now(); });
    video.addEventListener("pause", () => this.onPause());
    video.addEventListener("play", () => this.onPlay());
  }

  /** Plays by "hls" or "flv", in place of what played before. */
  async start(mode) {
    const run = ++this.run;
    this.paused = false;
    this.freeze.rest();
    this.end("replaced");
    this.say("starting");
    while (run === this.run) {
      const found = await probe(this.channel);
      if (run !== this.run) return;
      if (found.state === "live") await this.attach(mode, found.epoch);
      else await this.miss(found.state);
    }
  }

  /** Ends the present player, if there is one, for the reason given. */
  end(_why) {}

  /** Plays one epoch until it ends or is lost. */
  async attach(mode, epoch) {
    this.began = this.movedAt = performance.now();
    this.attaches += 1;
    this.epoch = epoch;
    this.player = player(mode, this.video, this.channel);
    const ended = new Promise((resolve) => { this.end = resolve; });
    this.watch(this.player);
    const why = await Promise.race([this.player.play().catch(String), ended]);
    console.debug(`${mode} ended: ${why}`);
    this.freeze.freeze();
    this.player.close();
    this.player = null;
    if (AT_ONCE.has(why)) return;
    if (why === "paused") await new Promise((resolve) => { this.resume = resolve; });
    else this.say("reconnecting");
    const steady = performance.now() - this.began > STEADY_MS;
    this.retry = steady ? FIRST_RETRY_MS : Math.min(this.retry * 2, LONGEST_RETRY_MS);
    await pause(this.retry);
  }

  /** Waits a while for a channel that is off air or an edge that is away. */
  async miss(state) {
    if (state === "off") this.freeze.rest();
    this.say(state === "off" ? "waiting for the publisher" : "reconnecting");
    await pause(OFF_AIR_POLL_MS * (1 + Math.random() / 2)); // a crowd must not ask in step
  }

  /** Looks after one player: says why the picture is still, and gives up what will not move. */
  async watch(player) {
    let tail = null;
    for (; player === this.player; await pause(WATCH_EVERY_MS)) {
      if (this.still_ms < SUSPECT_AFTER_MS) continue;
      const found = await probe(this.channel);
      if (player !== this.player || this.still_ms < SUSPECT_AFTER_MS) continue;
      if (found.state === "away") this.say("reconnecting");
      else if (found.epoch !== this.epoch) this.end("moved on");
      else if (found.tail === tail) this.say("waiting for the publisher");
      else if (this.still_ms > GIVE_UP_AFTER_MS) this.end("stuck");
      tail = found.tail;
    }
  }

  /** Milliseconds the picture has not moved though it should. */
  get still_ms() {
    const { paused, readyState, HAVE_FUTURE_DATA } = this.video;
    if (this.paused) return 0;
    if (paused && readyState >= HAVE_FUTURE_DATA) {
      this.say("press play"); // the browser allows no autoplay
      return 0;
    }
    return performance.now() - this.movedAt;
  }

  onPlaying() {
    this.movedAt = performance.now();
    this.join_s ??= (this.movedAt - this.began) / 1000;
    this.say("live");
  }

  onPause() {
    if (!this.player || this.video.ended) return; // a player that lets go pauses too
    this.paused = true;
    this.say("paused");
    this.patience = setTimeout(() => this.end("paused"), PAUSED_TOO_LONG_MS);
  }

  onPlay() {
    clearTimeout(this.patience);
    this.movedAt = performance.now();
    if (!this.paused) return;
    this.paused = false;
    this.player?.live();
    this.resume?.();
  }

  say(status) {
    if (status === this.status) return;
    this.status = status;
    this.onStatus(status);
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
