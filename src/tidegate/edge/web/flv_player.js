// HTTP-FLV by mpegts.js: one request that never ends.

import { FlvClock } from "./flv_clock.js";
import { library } from "./library.js";
import { Pace } from "./pace.js";

const HOLD_S = 0.3; // three chunks of the log
const LOOK_EVERY_MS = 100;
const SETTLED_S = 0.3; // that much more in one look is still the burst at the start
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
    this.pace = null;
    this.closed = false;
    this.end = 0;
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
      this.starting = setInterval(() => this.start(), LOOK_EVERY_MS);
    });
  }

  /** Starts once the burst that brings the newest keyframe is over, near its end. */
  start() {
    const { buffered } = this.video;
    const end = buffered.length ? buffered.end(buffered.length - 1) : 0;
    const settled = end >= HOLD_S && end - this.end < SETTLED_S;
    this.end = end;
    if (!settled) return;
    clearInterval(this.starting);
    this.live();
    this.video.play().catch(() => {});
    this.pace = new Pace(this.video, HOLD_S);
  }

  live() {
    const { buffered } = this.video;
    if (buffered.length) this.video.currentTime = buffered.end(buffered.length - 1) - HOLD_S;
  }

  wall() {
    return this.clock.at(this.video.currentTime);
  }

  close() {
    this.closed = true;
    clearInterval(this.starting);
    this.pace?.close();
    this.player?.destroy();
    this.player = null;
  }
}
