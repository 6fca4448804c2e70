// Every figure of a session, sampled twice a second.

export const SAMPLE_MS = 500;
const KEPT = 120; // samples: one minute of latency
const RATE_OVER = 10; // samples: five seconds of bytes

export class Stats {
  latencies = [];

  constructor(video, session, freeze) {
    Object.assign(this, { video, session, freeze });
    this.bytes = [];
  }

  /** Takes one sample of what only shows over time. */
  sample() {
    const { player } = this.session;
    keep(this.latencies, this.latency(), KEPT);
    if (player !== this.player) this.bytes = [];
    this.player = player;
    if (player?.bytes != null) keep(this.bytes, [performance.now(), player.bytes], RATE_OVER);
  }

  /** Seconds from ingest to the screen by this device's clock; null while nothing plays. */
  latency() {
    const wall = this.freeze.state === "playing" ? this.session.player?.wall() : null;
    return wall == null ? null : (Date.now() - wall) / 1000;
  }

  /** Seconds buffered after the picture on screen. */
  buffer() {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime + 0.1 && currentTime < buffered.end(i)) {
        return buffered.end(i) - currentTime;
      }
    }
    return 0;
  }

  /** Bits a second received over the last seconds; null while unknown. */
  bitrate() {
    if (this.bytes.length < 2) return null;
    const [[from, first], [to, last]] = [this.bytes[0], this.bytes.at(-1)];
    return ((last - first) * 8000) / (to - from);
  }

  figures() {
    const { video, session } = this;
    const quality = video.getVideoPlaybackQuality?.();
    return {
      status: session.status,
      epoch: session.epoch,
      attaches: session.attaches,
      join_s: session.join_s,
      latency_s: this.latency(),
      buffer_s: this.buffer(),
      bitrate_bps: this.bitrate(),
      dropped_frames: quality?.droppedVideoFrames ?? null,
      total_frames: quality?.totalVideoFrames ?? null,
      playback_rate: video.playbackRate,
      time_s: video.currentTime,
      width: video.videoWidth,
      height: video.videoHeight,
      ...this.freeze.figures(),
    };
  }
}

function keep(list, value, most) {
  list.push(value);
  if (list.length > most) list.shift();
}
