// How long the picture stood still.
//
// A freeze is playback that stopped, after it had begun, without the viewer asking for it. Freeze
// rate is frozen time over frozen plus played time. What a viewer paused, and the time a channel is
// off air, are neither.

export class FreezeMeter {
  stalls = 0;

  constructor(video) {
    this.spent = { idle: 0, playing: 0, frozen: 0 };
    this.state = "idle";
    this.since = performance.now();
    video.addEventListener("playing", () => this.to("playing"));
    video.addEventListener("waiting", () => {
      if (!(video.seeking && isBuffered(video))) this.freeze(); // a jump within the buffer is none
    });
    video.addEventListener("ended", () => this.freeze());
    video.addEventListener("pause", () => {
      if (this.state === "playing" && !video.ended) this.to("idle");
    });
  }

  /** The picture stopped; before it began to move this means nothing. */
  freeze() {
    if (this.state !== "playing") return;
    this.stalls += 1;
    this.to("frozen");
  }

  /** The channel is off air, or the viewer chose another; a freeze that led to it was none. */
  rest() {
    if (this.state === "frozen") {
      this.stalls -= 1;
      this.since = performance.now();
    }
    this.to("idle");
  }

  to(state) {
    const now = performance.now();
    this.spent[this.state] += now - this.since;
    [this.state, this.since] = [state, now];
  }

  /** Stalls, and seconds frozen and played, up to now. */
  figures() {
    const open = (state) => (this.state === state ? performance.now() - this.since : 0);
    const [frozen, played] = ["frozen", "playing"].map(
      (state) => (this.spent[state] + open(state)) / 1000,
    );
    const rate = frozen + played ? frozen / (frozen + played) : 0;
    return { stalls: this.stalls, frozen_s: frozen, played_s: played, freeze_rate: rate };
  }
}

function isBuffered({ buffered, currentTime }) {
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= currentTime && currentTime < buffered.end(i)) return true;
  }
  return false;
}
