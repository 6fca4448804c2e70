// HLS by the browser itself, where there are no Media Source Extensions (Safari on older phones).

export class NativePlayer {
  bytes = null;

  constructor(video, channel) {
    this.video = video;
    this.url = `/live/${channel}.m3u8`;
    this.gone = new AbortController();
  }

  play() {
    return new Promise((resolve) => {
      for (const name of ["error", "ended"]) {
        this.video.addEventListener(name, () => resolve(name), { signal: this.gone.signal });
      }
      this.video.src = this.url;
      this.video.play().catch(() => {});
    });
  }

  wall() {
    const start = this.video.getStartDate?.().getTime();
    return Number.isFinite(start) ? start + this.video.currentTime * 1000 : null;
  }

  live() {
    const { seekable } = this.video;
    if (seekable.length) this.video.currentTime = seekable.end(seekable.length - 1);
  }

  close() {
    this.gone.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
