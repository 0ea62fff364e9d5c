"""ETSI ITS messages of release 1 (CAM, DENM, SPATEM, MAPEM, IVIM) and the CPM of release 2."""
