// A client that is not ours (node-onvif) turns our simulated camera: onvif_client.js PORT USER PASSWORD MILLISECONDS
// The last is how far the camera's clock is ahead of ours. Fails with the first thing that is not as expected.
'use strict';

const assert = require('assert');
const Device = require('node-onvif/lib/modules/service-device.js');
const Media = require('node-onvif/lib/modules/service-media.js');
const Ptz = require('node-onvif/lib/modules/service-ptz.js');

const [port, user, pass, ahead] = process.argv.slice(2);
const service = (Kind, xaddr) => new Kind({ xaddr, user, pass, time_diff: Number(ahead) });
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function turn() {
    const device = service(Device, `http://127.0.0.1:${port}/onvif/device_service`);
    const capabilities = (await device.getCapabilities()).data.GetCapabilitiesResponse.Capabilities;
    const media = service(Media, capabilities.Media.XAddr);
    const profiles = (await media.getProfiles()).data.GetProfilesResponse.Profiles;
    const profile = profiles.find((one) => one.PTZConfiguration).$.token;
    const ptz = service(Ptz, capabilities.PTZ.XAddr);
    const at = async () => {
        const status = (await ptz.getStatus({ ProfileToken: profile })).data.GetStatusResponse.PTZStatus;
        const { x, y } = status.Position.PanTilt.$;
        return { x: Number(x), y: Number(y) };
    };

    await ptz.absoluteMove({ ProfileToken: profile, Position: { x: -0.2, y: 0.2, z: 0 }, Speed: { x: 1, y: 1, z: 1 } });
    await pause(1000);
    let place = await at();
    assert(Math.abs(place.x + 0.2) < 0.01 && Math.abs(place.y - 0.2) < 0.01, JSON.stringify(place));
    await ptz.continuousMove({ ProfileToken: profile, Velocity: { x: 0.2, y: 0, z: 0 }, Timeout: 1 });
    await pause(1500);
    place = await at();
    assert(Math.abs(place.x + 0.1) < 0.02, JSON.stringify(place));
    await ptz.stop({ ProfileToken: profile, PanTilt: true, Zoom: true });
    await ptz.gotoHomePosition({ ProfileToken: profile });
    await pause(1000);
    place = await at();
    assert(Math.abs(place.x) < 0.01 && Math.abs(place.y) < 0.01, JSON.stringify(place));

    const stranger = new Ptz({ xaddr: capabilities.PTZ.XAddr, user, pass: `${pass}?`, time_diff: Number(ahead) });
    await assert.rejects(stranger.getStatus({ ProfileToken: profile }), /not authorized/);
    console.log('turned');
}

turn().catch((error) => {
    console.error(error);
    process.exit(1);
});
