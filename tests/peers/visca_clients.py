"""Clients that others wrote, on the camera of visca_camera.py: they show that it is what it says.

Takes the addresses that the camera prints; prints what the clients read, as a line of JSON.
"""

import json
import sys
import time

from pyvisca.visca import PTZ
from visca_over_ip import Camera
from visca_over_ip.exceptions import ViscaException


def over_the_network(address):
    host, port = address.rsplit(":", 1)
    camera = Camera(host, int(port))
    read = {}
    camera.pantilt(24, 20, pan_position=300, tilt_position=-120)
    time.sleep(1)
    read["absolute"] = camera.get_pantilt_position()
    camera.pantilt(24, 20, pan_position=-44, tilt_position=20, relative=True)
    time.sleep(1)
    read["relative"] = camera.get_pantilt_position()
    # The signs of this client are the other way round from the manual's: to the left and down.
    camera.pantilt(-9, 5)
    time.sleep(0.5)
    camera.pantilt(0, 0)
    read["driven"] = camera.get_pantilt_position()
    time.sleep(0.3)
    read["stopped"] = camera.get_pantilt_position()
    camera.pantilt_home()
    time.sleep(1)
    read["home"] = camera.get_pantilt_position()
    try:
        camera._send_command("7e 7e 7e", query=True)
        read["refused"] = False
    except ViscaException:
        read["refused"] = True
    camera.close_connection()
    return read


def over_the_line(path):
    camera = PTZ(path)
    camera.right(5)
    time.sleep(0.5)
    camera.stop()
    time.sleep(0.2)
    camera.reset_input_buffer()
    driven = camera.get_pan()
    camera.close()
    return {"driven": driven}


if __name__ == "__main__":
    places = json.loads(sys.argv[1])
    result = {"network": over_the_network(places["visca-sony-udp"]), "line": over_the_line(places["visca-serial"])}
    print(json.dumps(result))
