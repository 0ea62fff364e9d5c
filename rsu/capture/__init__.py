"""Capture files of what stations hear: written for Wireshark, read back from any tool."""

from rsu.capture.link import LINKS, FrameError, Link, link_of, make_frame, open_frame, station_address
from rsu.capture.pcapng import MAX_PACKET_BYTES, CaptureWriter
from rsu.capture.reader import CaptureError, Packet, read_capture

__all__ = [
    "LINKS",
    "MAX_PACKET_BYTES",
    "CaptureError",
    "CaptureWriter",
    "FrameError",
    "Link",
    "Packet",
    "link_of",
    "make_frame",
    "open_frame",
    "read_capture",
    "station_address",
]
