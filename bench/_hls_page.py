"""hls.js in headless Chromium, as a program: `python -m bench._hls_page PAGE URL SECONDS`.

Says "ready" once the page is there, waits for a line, plays URL, and prints one line of JSON: what
the edge's own freeze meter saw, when the picture began, what was fetched, and the buffer over time.
Law: hls.js as it comes, no setting changed.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[1:1] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from viewer import Viewer, chromium  # noqa: E402

_WEB = ROOT / "src" / "tidegate" / "edge" / "web"
_HTML = """<!doctype html><meta charset="utf-8"><video muted width="320"></video>
<script src="hls.min.js"></script><script type="module" src="page.js"></script>
"""
_SCRIPT = """import { FreezeMeter } from "./freeze.js";

const video = document.querySelector("video");
const said = { join_s: null, bits: 0, media_s: 0, errors: {}, trace: [], pieces: [] };

const hls = new Hls(), meter = new FreezeMeter(video);
hls.attachMedia(video);

window.play = (url) => {
  const began = performance.now(), clock = () => (performance.now() - began) / 1000;
  video.addEventListener("playing", () => { said.join_s ??= clock(); });
  hls.on(Hls.Events.MANIFEST_PARSED, () => { video.play(); });
  hls.on(Hls.Events.FRAG_LOADED, (_, { frag, part }) => {
    if (frag.sn === "initSegment") return;
    said.bits += (part ?? frag).stats.loaded * 8;
    if (frag.type !== "main") return;
    said.media_s += (part ?? frag).duration;
    said.pieces.push([clock(), frag.sn, part?.index ?? -1, frag.level]);
  });
  hls.on(Hls.Events.ERROR, (_, { details }) => {
    said.errors[details] = (said.errors[details] ?? 0) + 1;
  });
  setInterval(() => {
    const { buffered, currentTime } = video;
    const end = buffered.length ? buffered.end(buffered.length - 1) : currentTime;
    said.trace.push([clock(), Math.max(0, end - currentTime), Number(meter.state === "frozen")]);
  }, 250);
  window.figures = () => ({ ...said, ...meter.figures(), version: Hls.version });
  hls.loadSource(url);
};
hls.once(Hls.Events.MEDIA_ATTACHED, () => { window.ready = true; });
"""


def write_page(folder: Path) -> None:
    """The page and what it loads: its server should be the one that it plays from."""
    (folder / "page.html").write_text(_HTML)
    (folder / "page.js").write_text(_SCRIPT)
    for name in ("freeze.js", "vendor/hls.min.js"):
        (folder / Path(name).name).write_bytes((_WEB / name).read_bytes())


def main(page: str, url: str, seconds: float) -> None:
    """Plays, and tells."""
    with chromium() as browser:
        viewer = Viewer(browser)
        viewer.open(page)
        viewer.until(lambda: viewer.page.evaluate("window.ready"), "the page is there")
        print("ready", flush=True)
        sys.stdin.readline()
        viewer.page.evaluate("url => play(url)", url)
        viewer.page.wait_for_timeout(seconds * 1000)
        print(json.dumps(viewer.page.evaluate("figures()")), flush=True)
        viewer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
