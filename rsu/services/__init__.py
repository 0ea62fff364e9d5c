"""What a roadside unit sends: builders from neutral SI descriptions to message values, one folder per family."""

from __future__ import annotations

from rsu.services.base import RoadsideServices
from rsu.services.cn.legacy import LegacyCnServices
from rsu.services.cn.services import CnServices
from rsu.services.etsi.services import EtsiServices
from rsu.services.sae.services import SaeServices

SERVICES: dict[str, RoadsideServices] = {
    "cn": CnServices(),
    "cn-2017": LegacyCnServices(),
    "etsi": EtsiServices(),
    "sae": SaeServices(),
}
"""Family of a message set -> its services."""
