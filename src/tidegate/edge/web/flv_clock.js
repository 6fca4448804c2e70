// Which moment of ingest's clock a place in an mpegts.js video is.
//
// The stream's cue points say it for FLV timestamps. mpegts.js counts from the first sample it saw:
// its remuxer's timestamp base, the smaller of the first audio and the first video timestamp. No
// public call tells it, so it is read where it is kept, in the version that package-lock.json pins.
// Where the remuxer moves later samples (it closes gaps), a segment's two begin times tell by how
// much.

const GAP_MS = 200;

export class FlvClock {
  /** Whether the picture no longer lies where its timestamps say. */
  gap = false;

  constructor() {
    this.base = null;
    this.offset = null;
  }

  /** Takes the object of an onCuePoint tag. */
  cue(point) {
    const wall = point?.parameters?.wall;
    if (point?.name === "wall" && Number.isFinite(wall)) this.offset = wall - point.time * 1000;
  }

  /** Follows a player that was told to load; `onSegment` gets each media segment it makes. */
  watch(player, onSegment) {
    const transmuxer = player._player_engine._transmuxer;
    transmuxer.on("media_segment", (type, segment) => {
      this.base ??= transmuxer._controller._remuxer.getTimestampBase();
      const { beginDts, originalBeginDts } = segment.info;
      this.gap ||= type === "video" && Math.abs(originalBeginDts - beginDts) > GAP_MS;
      onSegment(segment);
    });
  }

  /** Milliseconds since 1970 at a media time in seconds; null while that is unknown. */
  at(time) {
    if (this.offset === null || this.base === null) return null;
    return this.offset + this.base + time * 1000;
  }
}
