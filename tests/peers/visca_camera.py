"""A pan-tilt camera as seen over VISCA: serial, raw UDP, raw TCP, and UDP with Sony's header.

It turns at the speeds of an EVI-D100 and keeps two sockets, as the manuals say. Prints where it is reached as a line of
JSON, and where it looks as another whenever it is sent a line; ends when its standard input does.
"""

import argparse
import json
import os
import selectors
import socket
import struct
import sys
import time
import tty

# Degrees a second of the speeds 1, 2, ...; units a degree; range in degrees. EVI-D100 Technical Manual, pages 44 and 45;
# the range is that of an EVI-D70.
SPEEDS = [2.0, 2.4, 3.0, 3.7, 4.7, 6.1, 7.4, 9.1, 11, 14, 18, 22, 27, 34, 42, 52, 65, 81, 100, 125, 155, 190, 240, 300]
UNITS = 14.4
RANGES = [(-170, 170), (-30, 90)]


class Axis:
    """One motor: it turns at a speed toward a target."""

    def __init__(self, low, high):
        self.low, self.high = low * UNITS, high * UNITS
        self.position = self.target = 0.0
        self.speed = 0.0
        self.moved = time.monotonic()

    def advance(self):
        now = time.monotonic()
        most = self.speed * (now - self.moved)
        self.moved = now
        way = self.target - self.position
        self.position += max(-most, min(most, way))

    def go(self, target, step):
        self.advance()
        self.target = max(self.low, min(self.high, target))
        self.speed = SPEEDS[min(step, len(SPEEDS)) - 1] * UNITS

    def stop(self):
        self.advance()
        self.target = self.position


def signed(digits):
    value = int("".join(f"{digit:x}" for digit in digits), 16)
    return value - (1 << 4 * len(digits)) if value >= 1 << (4 * len(digits) - 1) else value


def nibbles(value, count=4):
    return bytes((round(value) >> 4 * place) & 15 for place in reversed(range(count)))


class Camera:
    def __init__(self, options):
        self.options = options
        self.axes = [Axis(*limits) for limits in RANGES]
        self.sockets = {}
        self.heard = 0

    def hear(self, message, answer):
        """Takes one message; `answer` sends one back."""
        self.heard += 1
        if self.options.log:
            with open(self.options.log, "a", encoding="ascii") as log:
                log.write(f"{time.monotonic():.3f} {message.hex(' ')}\n")
        if self.options.mute:
            return
        if message[:1] == b"\x88":
            answer(b"\x88\x30\x02\xff" if message[1:3] == b"\x30\x01" else message)
            return
        if message[:1] != b"\x81" or len(message) < 3:
            answer(b"\x90\x60\x01\xff")
            return
        body = message[1:-1]
        if body == b"\x09\x06\x12":
            for axis in self.axes:
                axis.advance()
            answer(b"\x90\x50" + b"".join(nibbles(axis.position) for axis in self.axes) + b"\xff")
        elif body == b"\x01\x00\x01":
            self.sockets.clear()
            answer(b"\x90\x50\xff")
        elif len(body) == 1 and body[0] >> 4 == 2:
            number = body[0] & 15
            pending = self.sockets.pop(number, None)
            answer(bytes([0x90, 0x60 | number, 0x04 if pending else 0x05, 0xFF]))
            if pending:
                self.stop()
        elif body[:2] == b"\x01\x06":
            self.turn(body[2:], answer)
        else:
            answer(b"\x90\x60\x02\xff")

    def stop(self):
        for axis in self.axes:
            axis.stop()

    def turn(self, body, answer):
        kind, rest = body[0], body[1:]
        number = next((number for number in (1, 2) if number not in self.sockets), None)
        if number is None:
            answer(b"\x90\x60\x03\xff")
            return
        if kind == 0x01 and len(rest) == 4 and 1 <= rest[2] <= 3 and 1 <= rest[3] <= 3:
            ways = [{1: -1, 2: 1, 3: 0}[rest[2]], {1: 1, 2: -1, 3: 0}[rest[3]]]
            for axis, way, step in zip(self.axes, ways, rest[:2]):
                if way and not 1 <= step <= 24:
                    answer(b"\x90\x60\x02\xff")
                    return
                if self.options.mirrored:
                    way = -way
                if way:
                    axis.go(axis.high if way > 0 else axis.low, step)
                else:
                    axis.stop()
            answer(bytes([0x90, 0x40 | number, 0xFF]))
            answer(bytes([0x90, 0x50 | number, 0xFF]))
        elif kind in (0x02, 0x03) and len(rest) == 10 and max(rest[2:]) < 16 and min(rest[:2]) > 0:
            for axis, step, digits in zip(self.axes, rest[:2], (rest[2:6], rest[6:10])):
                axis.advance()
                axis.go(signed(digits) + (axis.position if kind == 0x03 else 0), step)
            answer(bytes([0x90, 0x40 | number, 0xFF]))
            self.sockets[number] = answer
        elif kind == 0x04 and not rest:
            for axis in self.axes:
                axis.go(0, 20)
            answer(bytes([0x90, 0x40 | number, 0xFF]))
            self.sockets[number] = answer
        else:
            answer(b"\x90\x60\x02\xff")

    def tick(self):
        """Completes movements that have ended."""
        for axis in self.axes:
            axis.advance()
        if all(abs(axis.position - axis.target) < 0.5 for axis in self.axes):
            for number, answer in list(self.sockets.items()):
                answer(bytes([0x90, 0x50 | number, 0xFF]))
            self.sockets.clear()


class Stream:
    """Messages on a serial line or a TCP connection."""

    def __init__(self, camera, read, write):
        self.camera, self.read, self.write = camera, read, write
        self.pending = b""

    def ready(self):
        received = self.read(256)
        if not received:
            return False
        self.pending += received
        while b"\xff" in self.pending:
            message, self.pending = self.pending.split(b"\xff", 1)
            self.camera.hear(message + b"\xff", self.write)
        return True


class Datagrams:
    """Messages in UDP datagrams, with Sony's header or without."""

    def __init__(self, camera, address, has_header):
        self.camera, self.has_header = camera, has_header
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A client of others binds the same port on every address of this machine.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, 0))
        self.last = 0
        self.count = 0

    def ready(self):
        datagram, sender = self.socket.recvfrom(512)
        self.count += 1
        lose, forget = self.camera.options.lose, self.camera.options.forget
        if lose and self.count % lose == 0:
            return True
        if not self.has_header:
            self.camera.hear(datagram, lambda reply: self.socket.sendto(reply, sender))
            return True
        kind, length, number = struct.unpack(">HHI", datagram[:8])

        def answer(payload, kind=0x0111):
            self.socket.sendto(struct.pack(">HHI", kind, len(payload), number) + payload, sender)

        if self.camera.options.mute:
            self.camera.hear(datagram[8:], None)
        elif kind == 0x0200 and datagram[8:] == b"\x01":
            self.last = 0
            answer(b"\x01", 0x0201)
        elif number <= self.last or (forget and self.count % forget == 0):
            answer(b"\x0f\x01", 0x0201)
        elif len(datagram) != 8 + length or kind not in (0x0100, 0x0110):
            answer(b"\x0f\x02", 0x0201)
        else:
            self.last = number
            self.camera.hear(datagram[8:], answer)
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", default="127.0.0.2")
    parser.add_argument("--log", help="where every message heard goes, with its time")
    parser.add_argument("--mute", action="store_true", help="hear everything, answer nothing, do nothing")
    parser.add_argument("--mirrored", action="store_true", help="turn the other way when driven at a speed")
    parser.add_argument("--lose", type=int, default=0, metavar="N", help="lose every Nth datagram")
    parser.add_argument("--forget", type=int, default=0, metavar="N", help="lose count at every Nth datagram")
    options = parser.parse_args()

    camera = Camera(options)
    selector = selectors.DefaultSelector()
    sony, raw = Datagrams(camera, options.address, True), Datagrams(camera, options.address, False)
    for datagrams in (sony, raw):
        selector.register(datagrams.socket, selectors.EVENT_READ, datagrams)
    listener = socket.create_server((options.address, 0))
    selector.register(listener, selectors.EVENT_READ, "listener")
    line, terminal = os.openpty()
    tty.setraw(line)
    tty.setraw(terminal)
    serial = Stream(camera, lambda count: os.read(line, count), lambda message: os.write(line, message))
    selector.register(line, selectors.EVENT_READ, serial)
    selector.register(sys.stdin, selectors.EVENT_READ, "person")

    at = lambda bound: "%s:%d" % bound.getsockname()
    places = {"visca-sony-udp": at(sony.socket), "visca-udp": at(raw.socket), "visca-tcp": at(listener)}
    print(json.dumps({**places, "visca-serial": os.ttyname(terminal)}), flush=True)
    while True:
        for key, _ in selector.select(0.01):
            if key.data == "listener":
                connection, _ = listener.accept()
                stream = Stream(camera, connection.recv, connection.sendall)
                selector.register(connection, selectors.EVENT_READ, stream)
            elif key.data == "person":
                if not sys.stdin.readline():
                    return
                camera.tick()
                pan, tilt = (axis.position / UNITS for axis in camera.axes)
                print(json.dumps({"pan": pan, "tilt": tilt, "heard": camera.heard}), flush=True)
            else:
                try:
                    is_open = key.data.ready()
                except ConnectionError:
                    is_open = False
                if not is_open:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
        camera.tick()


if __name__ == "__main__":
    main()
