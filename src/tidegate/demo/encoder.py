"""Pictures and sound in, an FLV stream out: to a file, or to an RTMP server like any encoder's.

H.264 without B-frames or look-ahead, so a frame leaves the moment it is drawn; a keyframe every two
seconds of the timeline and nowhere else; AAC.
"""

from fractions import Fraction
from types import TracebackType

import av
from av.video.frame import PictureType

from tidegate.demo import picture
from tidegate.demo.sound import CHANNELS, RATE, Sound

AUDIO_FRAME = 1024
"""Samples of sound in one AAC frame."""
KEYFRAME_FRAMES = 2 * picture.FPS
VIDEO_BITRATE = 1_200_000
"""Bits a second: clean at this size, and light enough for a phone."""
AUDIO_BITRATE = 128_000

_X264 = {
    "preset": "veryfast",
    "tune": "zerolatency",
    "profile": "main",
    # One thread: slices for many would cost bits and save no time on a picture this small.
    "x264-params": f"threads=1:scenecut=0:keyint={KEYFRAME_FRAMES}"
    ":vbv-maxrate=1500:vbv-bufsize=1500:colorprim=bt709:transfer=bt709:colormatrix=bt709:range=tv",
}


class Encoder:
    """One FLV stream, open from the start and for as long as the context manager is.

    Raises `av.FFmpegError` where the other end is gone. A call blocks while the other end is slow.
    """

    def __init__(self, url: str) -> None:
        self._key = -1
        self._container = av.open(
            url, "w", format="flv", container_options={"flvflags": "no_duration_filesize"}
        )
        self._video = self._container.add_stream("libx264", rate=picture.FPS, options=_X264)
        self._video.width, self._video.height = picture.WIDTH, picture.HEIGHT
        self._video.bit_rate = VIDEO_BITRATE
        self._audio = self._container.add_stream("aac", rate=RATE)
        self._audio.bit_rate = AUDIO_BITRATE
        self._container.start_encoding()

    def __enter__(self) -> "Encoder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._container.close()
        except av.FFmpegError:
            # A peer that is gone takes no trailer, and the first error has said so.
            if kind is None:
                raise

    def picture(self, n: int, frame: picture.Frame) -> None:
        """Sends frame `n`, which lasts a frame's time from `n / FPS` seconds on."""
        image = av.VideoFrame.from_ndarray(frame, format="yuv420p")
        image.pts, image.time_base = n, Fraction(1, picture.FPS)
        # Frames may be left out, so what counts to the next keyframe is time and not frames.
        if n // KEYFRAME_FRAMES != self._key:
            self._key = n // KEYFRAME_FRAMES
            image.pict_type = PictureType.I
        self._container.mux(self._video.encode(image))

    def sound(self, k: int, samples: Sound) -> None:
        """Sends `AUDIO_FRAME` samples that begin `k / RATE` seconds from the start."""
        piece = av.AudioFrame.from_ndarray(
            samples, format="fltp", layout="stereo" if CHANNELS == 2 else "mono"
        )
        piece.sample_rate, piece.pts, piece.time_base = RATE, k, Fraction(1, RATE)
        self._container.mux(self._audio.encode(piece))
