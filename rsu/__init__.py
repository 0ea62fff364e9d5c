"""What would be deployed: message sets, codec, security envelope, network header, profiles, services."""
