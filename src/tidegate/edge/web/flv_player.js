// HTTP-FLV by mpegts.js: one request that never ends.

import { FlvClock } from "./flv_clock.js";
import { library } from "./library.js";

const AHEAD_S = 0.4; // what is kept buffered: four chunks of the log
const LATE_S = 2.5; // past this the player jumps rather than hurries
const CHASE_EVERY_MS = 200;
const FASTEST = 1.15;
const CONFIG = {
  isLive: true,
  enableWorker: false, // the clock needs to see the remuxer, which lives where the demuxer does
  enableStashBuffer: false,
  deferLoadAfterSourceOpen: false,
  lazyLoad: false,
  autoCleanupSourceBuffer: true,
  autoCleanupMaxBackwardDuration: 20,
  autoCleanupMinBackwardDuration: 10,
};

export class FlvPlayer {
  bytes = 0;

  constructor(video, channel) {
    this.video = video;
    this.url = `/live/${channel}.flv`;
    this.clock = new FlvClock();
    this.player = null;
    this.closed = false;
  }

  async play() {
    await library("mpegts.js");
    if (this.closed) return "closed";
    const { mpegts } = window;
    mpegts.LoggingControl.enableAll = false;
    return new Promise((resolve) => {
      const { Events } = mpegts;
      const source = { type: "flv", isLive: true, url: new URL(this.url, location.href).href };
      const player = this.player = mpegts.createPlayer(source, CONFIG);
      let heads = 0;
      player.on(Events.ERROR, (_, detail) => resolve(detail));
      player.on(Events.LOADING_COMPLETE, () => resolve("ended"));
      // A second head is a discontinuity. mpegts.js would close the gap in the picture and fill it
      // with silence in the sound, so they would part: a new player starts clean.
      player.on(Events.METADATA_ARRIVED, () => { if (++heads > 1) resolve("discontinuity"); });
      player.on(Events.SCRIPTDATA_ARRIVED, (data) => this.clock.cue(data.onCuePoint));
      player.attachMediaElement(this.video);
      player.load();
      this.clock.watch(player, (segment) => {
        this.bytes += segment.data.byteLength;
        if (this.clock.gap) resolve("gap");
      });
      this.chasing = setInterval(() => this.chase(), CHASE_EVERY_MS);
    });
  }

  /** Keeps `AHEAD_S` buffered: starts there, jumps when far behind, else hurries or eases gently. */
  chase() {
    const { video } = this;
    const end = video.buffered.length ? video.buffered.end(video.buffered.length - 1) : 0;
    const ahead = end - video.currentTime;
    if (!this.started) {
      if (end < AHEAD_S) return;
      this.started = true;
      this.live();
      video.play().catch(() => {});
    } else if (!video.paused && ahead > LATE_S) {
      this.live();
    } else {
      const wanted = 1 + (ahead - AHEAD_S) * 0.2;
      const steady = ahead > AHEAD_S * 0.5 && ahead < AHEAD_S * 1.5;
      video.playbackRate = steady ? 1 : Math.min(Math.max(wanted, 0.95), FASTEST);
    }
  }

  live() {
    const { buffered } = this.video;
    if (buffered.length) this.video.currentTime = buffered.end(buffered.length - 1) - AHEAD_S;
  }

  wall() {
    return this.clock.at(this.video.currentTime);
  }

  close() {
    this.closed = true;
    clearInterval(this.chasing);
    this.video.playbackRate = 1;
    this.player?.destroy();
    this.player = null;
  }
}
