"""The content-generator surface over HTTP and WebSocket."""
