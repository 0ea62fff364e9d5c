"""What a roadside unit sends: builders from neutral SI descriptions to message values, one folder per family."""

from __future__ import annotations

from rsu.services.base import RoadsideServices
from rsu.services.cn.services import CnServices

SERVICES: dict[str, RoadsideServices] = {
    "cn": CnServices(),
}
"""Family of a message set -> its services."""
