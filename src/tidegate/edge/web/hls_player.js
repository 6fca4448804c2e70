// LL-HLS by hls.js. How far behind live to play is the playlist's word (PART-HOLD-BACK, three
// parts); hls.js mends a lost request itself, and what it cannot mend ends this player.

import { library } from "./library.js";

const RECOVER_ONCE_IN_MS = 5000;
const HOPELESSLY_LATE_S = 6;

// A request cut off by a restart of the edge is worth repeating at once; a name that is gone, never.
const RETRY = {
  maxNumRetry: 6,
  retryDelayMs: 200,
  maxRetryDelayMs: 1000,
  backoff: "exponential",
  shouldRetry: (config, tries, isTimeout, answer) =>
    tries < config.maxNumRetry && !(answer?.code >= 400 && answer.code < 500),
};
const LOADS = {
  default: {
    maxTimeToFirstByteMs: 8000,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: RETRY,
  },
};
const CONFIG = {
  lowLatencyMode: true,
  enableWorker: false, // fMP4 passes through as it is; a worker would only add a hop
  backBufferLength: 10,
  maxBufferLength: 8,
  maxLiveSyncPlaybackRate: 1.1,
  liveSyncOnStallIncrease: 0.4, // seconds further back after each stall, not the default second
  liveDurationInfinity: true,
  manifestLoadPolicy: LOADS,
  playlistLoadPolicy: LOADS,
  fragLoadPolicy: LOADS,
};

export class HlsPlayer {
  bytes = 0;

  constructor(video, channel) {
    this.video = video;
    this.url = `/live/${channel}.m3u8`;
    this.hls = null;
    this.closed = false;
    this.recovered = -Infinity;
  }

  async play() {
    await library("hls.min.js");
    if (this.closed) return "closed";
    const { Hls } = window;
    return new Promise((resolve) => {
      const hls = this.hls = new Hls(CONFIG);
      hls.on(Hls.Events.FRAG_LOADED, (_, { payload }) => { this.bytes += payload.byteLength; });
      hls.on(Hls.Events.MEDIA_ENDED, () => resolve("ended"));
      hls.on(Hls.Events.MANIFEST_PARSED, () => this.video.play().catch(() => {}));
      hls.on(Hls.Events.ERROR, (_, error) => {
        if (error.fatal && !this.mended(error)) resolve(error.details);
      });
      hls.loadSource(this.url);
      hls.attachMedia(this.video);
    });
  }

  /** Whether hls.js is asked to go on after a fatal error. */
  mended(error) {
    const now = performance.now();
    const try_it = error.type === "mediaError" && now - this.recovered > RECOVER_ONCE_IN_MS;
    if (try_it) {
      this.recovered = now;
      this.hls.recoverMediaError();
    }
    return try_it;
  }

  wall() {
    return this.hls?.playingDate?.getTime() ?? null;
  }

  live() {
    const end = this.hls?.liveSyncPosition;
    if (end && end - this.video.currentTime > HOPELESSLY_LATE_S) this.video.currentTime = end;
  }

  close() {
    this.closed = true;
    this.hls?.destroy();
    this.hls = null;
  }
}
