// LL-HLS by hls.js. Where to begin is the playlist's word (PART-HOLD-BACK, three parts); hls.js mends
// a lost request itself, and what it cannot mend ends this player.

import { library } from "./library.js";
import { Pace } from "./pace.js";

const RECOVER_ONCE_IN_MS = 5000;
const HOLD_S = 0.6; // three parts

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
  maxLiveSyncPlaybackRate: 1, // hls.js never holds less than a second; the pace is ours
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
    this.pace = null;
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
      this.pace = new Pace(this.video, HOLD_S);
      hls.loadSource(this.url);
      hls.attachMedia(this.video);
    });
  }

  /** Whether hls.js is asked to go on after a fatal error. */
  mended(error) {
    const now = performance.now();
    const once = error.type === "mediaError" && now - this.recovered > RECOVER_ONCE_IN_MS;
    if (once) {
      this.recovered = now;
      this.hls.recoverMediaError();
    }
    return once;
  }

  wall() {
    return this.hls?.playingDate?.getTime() ?? null;
  }

  /** Jumps to where one would begin now, or to the end of what is buffered, if that is later. */
  live() {
    const { buffered, currentTime } = this.video;
    const end = buffered.length ? buffered.end(buffered.length - 1) - HOLD_S : 0;
    const place = Math.max(this.hls?.liveSyncPosition ?? 0, end);
    if (place > currentTime) this.video.currentTime = place;
  }

  close() {
    this.closed = true;
    this.pace?.close();
    this.hls?.destroy();
    this.hls = null;
  }
}
