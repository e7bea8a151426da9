//! ONVIF in both directions with peers that are not ours: our driver turns ipycam, and onvif-zeep-async, requests and
//! node-onvif turn our simulated camera. What both sides of our own believe of the protocol proves nothing.
//!
//! The peers come from their registries the first time, into the build directory. Where this may be done, the tests run in
//! a network of their own, in which nothing but them is to be discovered.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lookhear_board::ptz::onvif::simulated::{AsksFor, Behaviour, SimulatedCamera};
use lookhear_board::ptz::onvif::time::Utc;
use lookhear_board::ptz::onvif::{Authentication, Onvif, OnvifSettings, Password, Signs, discover, probe_signs};
use lookhear_board::{Clock, MonotonicClock, Orientation, Ptz, PtzError, Velocity};
use lookhear_tests::root;

const PYTHON_PEERS: [&str; 3] = ["ipycam==1.3.0", "onvif-zeep-async==4.3.0", "requests==2.34.2"];
const NODE_PEERS: [&str; 1] = ["node-onvif@0.1.7"];
const PRIVATE_NETWORK: &str = "LOOKHEAR_PRIVATE_NETWORK";

struct Peers {
    python: PathBuf,
    node_modules: PathBuf,
}

/// Installs the peers unless they are there.
fn peers() -> Peers {
    let directory = root().join("target/peers-onvif");
    let peers = Peers {
        python: directory.join("venv/bin/python"),
        node_modules: directory.join("node/node_modules"),
    };
    fs::create_dir_all(directory.join("node")).unwrap();
    let lock = fs::File::create(directory.join("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = [PYTHON_PEERS.as_slice(), &NODE_PEERS].concat().join(" ");
    let installed = directory.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return peers;
    }
    let install = |what: &str, command: &mut Command| {
        let output = command.output();
        let failed = match &output {
            Ok(output) if output.status.success() => return,
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        panic!("{what} cannot be installed, and this test is nothing without: check the network\n{failed}");
    };
    install(
        "A Python environment (python3-venv)",
        Command::new("python3").args(["-m", "venv"]).arg(directory.join("venv")),
    );
    install(
        "The Python peers of ONVIF",
        Command::new(&peers.python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(PYTHON_PEERS),
    );
    install(
        "The JavaScript peer of ONVIF (npm)",
        Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix", "."])
            .args(NODE_PEERS)
            .current_dir(directory.join("node")),
    );
    fs::write(installed, wanted).unwrap();
    peers
}

/// Runs the test called `name` in a network of its own, where this process may make one, and else as it is.
fn in_private_network(name: &str, test: impl FnOnce()) {
    const PREPARE: &str = "ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo";
    let unshare = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", "sh", "-c", command, "sh"]);
        unshare
    };
    let may = || unshare(PREPARE).output().is_ok_and(|output| output.status.success());
    if std::env::var_os(PRIVATE_NETWORK).is_some() || !may() {
        return test();
    }
    let output = unshare(&format!("{PREPARE} && exec \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(PRIVATE_NETWORK, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn peer(program: &Path, script: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(root().join("tests/peers").join(script));
    command
}

/// A camera that is not ours, until it is dropped.
struct Stranger {
    process: Child,
    url: String,
    _directory: tempfile::TempDir,
}

impl Stranger {
    fn start(python: &Path, user: &str, password: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let mut process = peer(python, "onvif_camera.py")
            .args([&port.to_string(), user, password])
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = said.any(|line| line.unwrap() == "ready");
        assert!(ready, "the camera did not start");
        std::thread::spawn(move || said.for_each(drop));
        Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            _directory: directory,
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn open(settings: &OnvifSettings) -> Result<Onvif, PtzError> {
    Onvif::open(settings, Arc::new(MonotonicClock))
}

fn pan(head: &mut Onvif) -> f64 {
    head.orientation().unwrap().unwrap().pan_degrees
}

#[test]
fn our_driver_turns_a_camera_that_is_not_ours() {
    let peers = peers();
    in_private_network("our_driver_turns_a_camera_that_is_not_ours", || {
        let camera = Stranger::start(&peers.python, "admin", "secret & <more>");
        let settings = OnvifSettings {
            url: camera.url.clone(),
            user: "admin".to_owned(),
            password: Password("secret & <more>".to_owned()),
            pan_range_degrees: [-100.0, 100.0],
            tilt_range_degrees: [-50.0, 50.0],
            // One unit of its range in a second.
            fastest_degrees_per_second: [100.0, 50.0],
            ..OnvifSettings::default()
        };
        let mut head = open(&settings).unwrap();
        assert_eq!(head.profile(), "Profile_Main");
        let abilities = head.abilities().clone();
        assert!(abilities.absolute && abilities.continuous && abilities.tells_orientation);

        let to = Orientation {
            pan_degrees: 40.0,
            tilt_degrees: -10.0,
        };
        head.move_to(to, abilities.fastest).unwrap();
        let at = head.orientation().unwrap().unwrap();
        assert!(
            (at.pan_degrees - 40.0).abs() < 0.01 && (at.tilt_degrees + 10.0).abs() < 0.01,
            "{at:?}"
        );

        let left = Velocity { pan: -30.0, tilt: 0.0 };
        head.drive(left).unwrap();
        std::thread::sleep(Duration::from_secs(1));
        head.stop().unwrap();
        let stopped = pan(&mut head);
        assert!(
            (2.0..=20.0).contains(&stopped),
            "30° to the left of 40° it is at {stopped}°"
        );
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(pan(&mut head), stopped, "it was stopped");
        head.go_home().unwrap();
        assert!(pan(&mut head).abs() < 0.01);

        let signs = probe_signs(&mut head, &mut |time| std::thread::sleep(time)).unwrap();
        assert_eq!(
            signs,
            Signs {
                pan: Some(true),
                tilt: Some(true)
            }
        );

        for wrong in [
            OnvifSettings {
                password: Password("guess".to_owned()),
                ..settings.clone()
            },
            OnvifSettings {
                authentication: Authentication::None,
                ..settings.clone()
            },
        ] {
            assert!(matches!(open(&wrong), Err(PtzError::GiveUp { .. })));
        }

        if std::env::var_os(PRIVATE_NETWORK).is_some() {
            let found = discover(Duration::from_secs(2)).unwrap();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].name, "Peer");
            assert_eq!(found[0].url, format!("{}/onvif/device_service", camera.url));
        }
    });
}

/// Our camera, whose clock is far from right, and how far it is ahead in milliseconds.
fn simulated(asks_for: AsksFor) -> (SimulatedCamera, String, String) {
    let shows = Utc(1_700_000_000);
    let behaviour = Behaviour {
        asks_for,
        shows,
        presets: vec!["door".to_owned()],
        ..Behaviour::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let ahead = i128::from(shows.0) * 1000 - i128::try_from(now).unwrap();
    let camera = SimulatedCamera::start(behaviour, clock).unwrap();
    let port = camera
        .url()
        .rsplit(':')
        .next()
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    (camera, port, ahead.to_string())
}

fn turned(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("turned"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn clients_that_are_not_ours_turn_our_camera() {
    let peers = peers();
    in_private_network("clients_that_are_not_ours_turn_our_camera", || {
        let Behaviour { user, password, .. } = Behaviour::default();
        for asks_for in [AsksFor::UsernameToken, AsksFor::Either] {
            let (_camera, port, _) = simulated(asks_for);
            turned(peer(&peers.python, "onvif_client.py").args([&port, &user, &password, "zeep"]));
            let (_camera, port, ahead) = simulated(asks_for);
            turned(
                peer(Path::new("node"), "onvif_client.js")
                    .args([&port, &user, &password, &ahead])
                    .env("NODE_PATH", &peers.node_modules),
            );
        }
        for asks_for in [AsksFor::Digest, AsksFor::Either] {
            let (_camera, port, _) = simulated(asks_for);
            turned(peer(&peers.python, "onvif_client.py").args([&port, &user, &password, "digest"]));
        }
    });
}
