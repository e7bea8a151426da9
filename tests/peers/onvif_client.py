"""Clients that are not ours (onvif-zeep-async, and requests for HTTP Digest) turn our simulated camera:
onvif_client.py PORT USER PASSWORD (zeep | digest)

Fails with the first thing that is not as the specification has it.
"""

import asyncio
import datetime
import sys

import onvif.client
import requests
from onvif import ONVIFCamera
from zeep.exceptions import Fault

port, user, password, client = int(sys.argv[1]), *sys.argv[2:5]

# Answers that do not follow the schemas are refused.
onvif.client.DEFAULT_SETTINGS.strict = True


def near(one, other):
    assert abs(one - other) < 0.02, f"{one} is not {other}"


async def turned(ptz, profile, x, y):
    for _ in range(100):
        status = await ptz.GetStatus({"ProfileToken": profile})
        if status.MoveStatus.PanTilt == "IDLE":
            break
        await asyncio.sleep(0.1)
    near(status.Position.PanTilt.x, x)
    near(status.Position.PanTilt.y, y)


async def zeep():
    camera = ONVIFCamera("127.0.0.1", port, user, password, adjust_time=True)
    await camera.update_xaddrs()
    device = await camera.create_devicemgmt_service()
    assert (await device.GetDeviceInformation()).Model == "simulated"
    services = await device.GetServices({"IncludeCapability": False})
    assert {service.Namespace.rsplit("/", 2)[1] for service in services} == {"device", "media", "ptz"}
    capabilities = await device.GetCapabilities({"Category": "All"})
    assert capabilities.PTZ.XAddr.endswith("/onvif/ptz?head=1")
    media = await camera.create_media_service()
    profiles = await media.GetProfiles()
    assert profiles[0].PTZConfiguration is None
    profile, node = profiles[1].token, profiles[1].PTZConfiguration.NodeToken
    ptz = await camera.create_ptz_service()
    head = next(head for head in await ptz.GetNodes() if head.token == node)
    assert head.HomeSupported
    space = head.SupportedPTZSpaces.AbsolutePanTiltPositionSpace[0]
    assert (space.XRange.Min, space.YRange.Max) == (-1, 1)
    assert space.URI == profiles[1].PTZConfiguration.DefaultAbsolutePantTiltPositionSpace

    def pan_tilt(x, y):
        return {"PanTilt": {"x": x, "y": y}}

    await ptz.AbsoluteMove({"ProfileToken": profile, "Position": pan_tilt(0.4, -0.2), "Speed": pan_tilt(1, 1)})
    await turned(ptz, profile, 0.4, -0.2)
    await ptz.RelativeMove({"ProfileToken": profile, "Translation": pan_tilt(-0.1, 0.1)})
    await turned(ptz, profile, 0.3, -0.1)
    # Half of full speed, that is a quarter of the unit in a second.
    second = datetime.timedelta(seconds=1)
    await ptz.ContinuousMove({"ProfileToken": profile, "Velocity": pan_tilt(0.5, 0), "Timeout": second})
    await turned(ptz, profile, 0.55, -0.1)
    await ptz.ContinuousMove({"ProfileToken": profile, "Velocity": pan_tilt(0.1, 0)})
    await ptz.Stop({"ProfileToken": profile, "PanTilt": True, "Zoom": True})
    assert (await ptz.GetStatus({"ProfileToken": profile})).MoveStatus.PanTilt == "IDLE"
    presets = await ptz.GetPresets({"ProfileToken": profile})
    assert [preset.Name for preset in presets] == ["door"]
    await ptz.GotoPreset({"ProfileToken": profile, "PresetToken": presets[0].token})
    await turned(ptz, profile, 0.25, 0.25)
    await ptz.GotoHomePosition({"ProfileToken": profile})
    await turned(ptz, profile, 0, 0)
    try:
        await ptz.GetStatus({"ProfileToken": profile})
        await ptz.AbsoluteMove({"ProfileToken": "nobody's", "Position": pan_tilt(0, 0)})
        sys.exit("a profile that there is not was moved")
    except Fault as error:
        assert "not possible" in str(error), error
    await camera.close()

    stranger = ONVIFCamera("127.0.0.1", port, user, password + "?", adjust_time=True)
    await stranger.update_xaddrs()
    try:
        await (await stranger.create_media_service()).GetProfiles()
        sys.exit("a wrong password was accepted")
    except Fault as error:
        assert "not authorized" in str(error), error
    await stranger.close()


def digest():
    body = (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
        '<GetProfiles xmlns="http://www.onvif.org/ver10/media/wsdl"/></s:Body></s:Envelope>'
    )

    def ask(session):
        return session.post(f"http://127.0.0.1:{port}/onvif/media?x=1", data=body, timeout=5)

    with requests.Session() as session:
        assert ask(session).status_code == 401
        session.auth = requests.auth.HTTPDigestAuth(user, password)
        for _ in range(3):
            answer = ask(session)
            assert answer.status_code == 200 and "GetProfilesResponse" in answer.text, answer.text
        session.auth = requests.auth.HTTPDigestAuth(user, password + "?")
        assert ask(session).status_code == 401


if client == "zeep":
    asyncio.run(zeep())
else:
    digest()
print("turned")
