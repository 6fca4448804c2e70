// How fast to play so that a live buffer stays short but is never empty.
//
// The buffer is a sawtooth, one tooth a chunk or part, so what counts is its lowest place of the
// last second. Law: the rate changes rarely and by little, so that nobody hears it; every stall
// makes the buffer that is held longer, so that a bad network does not stall twice for one reason.

const LOOK_EVERY_MS = 100;
const LOOKS = 10;
const HURRY_ABOVE_S = 0.15; // over what is held, for a second
const HURRIED_S = 0.05;
const LATE_S = 1.2; // over what is held: jump, for hurrying would take a quarter of a minute
const EASE = 0.96;
const HURRY = 1.08;
const AFTER_STALL_S = 0.2;
const LONGEST_S = 1.5;

export class Pace {
  /** Holds at least `hold` seconds buffered in the video. */
  constructor(video, hold) {
    Object.assign(this, { video, hold });
    this.looks = [];
    this.gone = new AbortController();
    const { signal } = this.gone;
    video.addEventListener("waiting", () => this.stalled(), { signal });
    const timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  look() {
    const { buffered, currentTime, paused, seeking } = this.video;
    if (paused || seeking || !buffered.length) return;
    const ahead = buffered.end(buffered.length - 1) - currentTime;
    this.looks.push(ahead);
    if (this.looks.length > LOOKS) this.looks.shift();
    const low = this.looks.length === LOOKS ? Math.min(...this.looks) : 0;
    if (low > this.hold + LATE_S) {
      this.looks = [];
      this.video.currentTime += low - this.hold;
    } else {
      this.video.playbackRate = this.rate(ahead, low);
    }
  }

  /** The rate for `ahead` seconds now and `low` at the least; between the marks it stays. */
  rate(ahead, low) {
    const rate = this.video.playbackRate;
    if (ahead < this.hold / 2) return EASE;
    if (low > this.hold + HURRY_ABOVE_S) return HURRY;
    if (rate > 1) return ahead < this.hold + HURRIED_S ? 1 : rate;
    return ahead > this.hold ? 1 : rate;
  }

  stalled() {
    if (this.looks.length === LOOKS) this.hold = Math.min(this.hold + AFTER_STALL_S, LONGEST_S);
    this.looks = [];
  }

  close() {
    this.gone.abort();
    this.video.playbackRate = 1;
  }
}
