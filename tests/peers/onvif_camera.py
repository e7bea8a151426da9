"""A camera that is not ours (ipycam) for our ONVIF driver to turn: onvif_camera.py PORT USER PASSWORD

Says "ready" once it answers, and ends when its standard input does.
"""

import socket
import sys
import threading
import time

from ipycam import CameraConfig, IPCamera

port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
camera = IPCamera(
    CameraConfig(
        name="Peer",
        local_ip="127.0.0.1",
        onvif_port=port,
        web_port=port + 1,
        rtsp_port=port + 2,
        username=user,
        password=password,
        main_width=64,
        main_height=48,
        sub_width=64,
        sub_height=48,
    )
)
threading.Thread(target=camera.start, daemon=True).start()
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        break
    except OSError:
        time.sleep(0.1)
else:
    sys.exit(f"ipycam does not listen at port {port}")
print("ready", flush=True)
sys.stdin.read()
# Its threads do not all end by themselves.
sys.stdout.flush()
__import__("os")._exit(0)
