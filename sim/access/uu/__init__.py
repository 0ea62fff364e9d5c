"""The path through the cellular network: radio up, transport, core, server, peering, radio down."""
