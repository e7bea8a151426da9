//! The device on a real broker, Mosquitto: found, told, asked, lost and found again.
#![allow(clippy::unwrap_used)]

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lookhear::actuation::mqtt::{self, MqttError, MqttSettings};
use lookhear::actuation::report::StatusReport;
use lookhear::actuation::status::Request;
use lookhear::exchange::Pulse;
use lookhear_tests::pretend::Pretend;
use rumqttc::{Client, Event, MqttOptions, Packet, Publish, QoS};
use serde_json::Value;

const LONG: Duration = Duration::from_secs(30);
const BROKER: &str = "/usr/sbin/mosquitto";

/// Whether these tests are not wanted here.
fn is_missing() -> bool {
    let unwanted = std::env::var_os("LOOKHEAR_WITHOUT_MOSQUITTO").is_some();
    assert!(
        unwanted || Path::new(BROKER).is_file(),
        "{BROKER} is missing: board/install-missing mosquitto, or set LOOKHEAR_WITHOUT_MOSQUITTO=1 to do without these tests"
    );
    unwanted
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for_port(port: u16) {
    let deadline = Instant::now() + LONG;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nobody listens on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A broker that keeps nothing when it ends.
struct Broker {
    process: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Broker {
    fn start(port: u16, configuration: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process = Self::launch(&directory, port, configuration);
        Self {
            process,
            port,
            directory,
        }
    }

    fn launch(directory: &tempfile::TempDir, port: u16, configuration: &str) -> Child {
        let file = directory.path().join("mosquitto.conf");
        let text =
            format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n{configuration}\n");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(BROKER);
        let process = command
            .arg("-c")
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_port(port);
        process
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.process = Self::launch(&self.directory, self.port, "");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Somebody else on the broker, who hears everything.
struct Observer {
    client: Client,
    heard: mpsc::Receiver<Publish>,
}

impl Observer {
    fn join(port: u16) -> Self {
        let options = MqttOptions::new(format!("observer-{port}-{}", free_port()), "127.0.0.1", port);
        let (client, mut connection) = Client::new(options, 32);
        client.subscribe("#", QoS::AtLeastOnce).unwrap();
        let (sender, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        if sender.send(message).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        Self { client, heard }
    }

    /// The next message on a topic that is as it should be.
    fn wait(&self, topic: &str, is_so: impl Fn(&Publish) -> bool) -> Publish {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self
                .heard
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("never heard of on {topic}"));
            if message.topic == topic && is_so(&message) {
                return message;
            }
        }
    }

    fn wait_for(&self, topic: &str, word: &str) {
        self.wait(topic, |message| message.payload == word);
    }

    fn say(&self, topic: &str, word: &str, retain: bool) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, word).unwrap();
    }
}

/// A pretended device that speaks to a broker.
struct Speaker {
    device: Pretend,
    pulse: Pulse,
    thread: Option<JoinHandle<Result<(), MqttError>>>,
}

impl Speaker {
    fn start(port: u16, change: impl FnOnce(&mut MqttSettings)) -> Self {
        let mut settings = MqttSettings {
            host: "127.0.0.1".to_owned(),
            port: Some(port),
            device: Some("porch".to_owned()),
            ..MqttSettings::default()
        };
        change(&mut settings);
        let (device, pulse) = (Pretend::start(), Pretend::pulse());
        let (status, requests, beat) = (device.status.clone(), device.requests.clone(), pulse.clone());
        let thread = std::thread::spawn(move || mqtt::run(&settings, &status, &requests, &beat));
        Self {
            device,
            pulse,
            thread: Some(thread),
        }
    }

    fn stop(&mut self) -> Duration {
        self.pulse.stop();
        let stopping = Instant::now();
        self.thread.take().unwrap().join().unwrap().unwrap();
        stopping.elapsed()
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.pulse.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a message says, as JSON.
fn json(message: &Publish) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}

#[test]
fn home_assistant_finds_the_device_and_works_it() {
    if is_missing() {
        return;
    }
    let broker = Broker::start(free_port(), "");
    let observer = Observer::join(broker.port);
    let mut speaker = Speaker::start(broker.port, |_| {});
    let discovery = observer.wait("homeassistant/device/porch/config", |_| true);
    assert_eq!(
        json(&discovery)["components"]["pause"]["command_topic"],
        "lookhear/porch/pause/set"
    );
    observer.wait_for("lookhear/porch/availability", "online");
    let state = observer.wait("lookhear/porch/state", |_| true);
    let state: StatusReport = serde_json::from_slice(&state.payload).unwrap();
    assert!(state.healthy && !state.paused, "{state:?}");

    observer.say("lookhear/porch/pause/set", "ON", false);
    observer.wait("lookhear/porch/state", |message| json(message)["paused"] == true);
    observer.say("lookhear/porch/pause/set", "OFF", false);
    observer.say("lookhear/porch/home/set", "PRESS", false);
    let asked: Vec<Request> = (0..3)
        .map(|_| speaker.device.asked.recv_timeout(LONG).unwrap())
        .collect();
    assert_eq!(asked, [Request::Pause, Request::Resume, Request::Home]);

    observer.say("homeassistant/status", "online", false);
    observer.wait("homeassistant/device/porch/config", |message| !message.retain);

    let took = speaker.stop();
    assert!(took < Duration::from_millis(500), "took {took:?} to stop");
    observer.wait_for("lookhear/porch/availability", "offline");
    let late = Observer::join(broker.port);
    late.wait("lookhear/porch/availability", |message| {
        message.retain && message.payload == "offline"
    });
}

#[test]
fn a_retained_request_does_not_turn_the_camera_at_every_connection() {
    if is_missing() {
        return;
    }
    let broker = Broker::start(free_port(), "");
    let observer = Observer::join(broker.port);
    observer.say("lookhear/porch/home/set", "PRESS", true);
    observer.wait_for("lookhear/porch/home/set", "PRESS");
    let speaker = Speaker::start(broker.port, |_| {});
    observer.wait("lookhear/porch/state", |_| true);
    assert!(speaker.device.asked.recv_timeout(Duration::from_secs(1)).is_err());
    observer.say("lookhear/porch/pause/set", "ON", false);
    assert_eq!(speaker.device.asked.recv_timeout(LONG).unwrap(), Request::Pause);
}

#[test]
fn states_come_no_more_often_than_asked_for() {
    if is_missing() {
        return;
    }
    let broker = Broker::start(free_port(), "");
    let observer = Observer::join(broker.port);
    // The camera turns all the while, so that there is always something new.
    let speaker = Speaker::start(broker.port, |settings| settings.most_states_per_second = 4.0);
    assert!(speaker.device.requests.send(Request::Drive { pan: 100.0, tilt: 0.0 }));
    observer.wait("lookhear/porch/state", |message| json(message)["moving"] == true);
    let began = Instant::now();
    for _ in 0..8 {
        observer.wait("lookhear/porch/state", |_| true);
    }
    let rate = 8.0 / began.elapsed().as_secs_f64();
    assert!((2.0..=4.5).contains(&rate), "{rate} states a second");
}

#[test]
fn a_broker_that_forgot_everything_is_told_again() {
    if is_missing() {
        return;
    }
    let mut broker = Broker::start(free_port(), "");
    let speaker = Speaker::start(broker.port, |_| {});
    Observer::join(broker.port).wait("lookhear/porch/state", |_| true);
    broker.kill();
    std::thread::sleep(Duration::from_millis(300));
    let lost = Instant::now();
    broker.start_again();
    let observer = Observer::join(broker.port);
    observer.wait_for("lookhear/porch/availability", "online");
    eprintln!("back {:?} after the broker started again", lost.elapsed());
    observer.say("lookhear/porch/home/set", "PRESS", false);
    assert_eq!(speaker.device.asked.recv_timeout(LONG).unwrap(), Request::Home);
    let late = Observer::join(broker.port);
    late.wait("homeassistant/device/porch/config", |message| message.retain);
}

/// Passes bytes on between one port and another, until it is cut.
struct Cable {
    port: u16,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    fn to(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, ends) = (
            listener.local_addr().unwrap().port(),
            Arc::<Mutex<Vec<TcpStream>>>::default(),
        );
        let kept = ends.clone();
        std::thread::spawn(move || {
            for device in listener.incoming().map_while(Result::ok) {
                let broker = TcpStream::connect(("127.0.0.1", broker)).unwrap();
                kept.lock()
                    .unwrap()
                    .extend([device.try_clone().unwrap(), broker.try_clone().unwrap()]);
                for (mut from, mut to) in [
                    (device.try_clone().unwrap(), broker.try_clone().unwrap()),
                    (broker, device),
                ] {
                    std::thread::spawn(move || copy(&mut from, &mut to));
                }
            }
        });
        Self { port, ends }
    }

    fn cut(&self) {
        self.ends
            .lock()
            .unwrap()
            .drain(..)
            .for_each(|end| drop(end.shutdown(Shutdown::Both)));
    }
}

#[test]
fn a_device_that_is_cut_off_is_said_to_be_gone_and_comes_back() {
    if is_missing() {
        return;
    }
    let broker = Broker::start(free_port(), "");
    let observer = Observer::join(broker.port);
    let cable = Cable::to(broker.port);
    let _speaker = Speaker::start(cable.port, |_| {});
    observer.wait_for("lookhear/porch/availability", "online");
    cable.cut();
    observer.wait_for("lookhear/porch/availability", "offline");
    observer.wait_for("lookhear/porch/availability", "online");
}

/// Makes an authority in a folder, and a certificate by it for 127.0.0.1.
fn make_certificates(directory: &Path) {
    let commands = [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=authority",
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout broker.key -out broker.csr -subj /CN=broker",
        "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out broker.pem -days 30 -extfile names",
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout device.key -out device.csr -subj /CN=porch",
        "x509 -req -in device.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out device.pem -days 30 -extfile version3",
    ];
    std::fs::write(directory.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    std::fs::write(directory.join("version3"), "basicConstraints=CA:FALSE\n").unwrap();
    for command in commands {
        let output = Command::new("openssl")
            .args(command.split(' '))
            .current_dir(directory)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn only_the_right_broker_is_spoken_to_and_in_secret() {
    if is_missing() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours", "theirs"].map(|name| directory.path().join(name));
    for authority in [&ours, &theirs] {
        std::fs::create_dir(authority).unwrap();
        make_certificates(authority);
    }
    let (plain, secret) = (free_port(), free_port());
    let at = |name: &str| ours.join(name).display().to_string();
    let configuration = format!(
        "listener {secret} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true",
        at("ca.pem"),
        at("broker.pem"),
        at("broker.key")
    );
    let broker = Broker::start(plain, &configuration);
    let observer = Observer::join(broker.port);
    let encrypted = |authority: &Path| {
        let (ca, certificate, key) = (
            authority.join("ca.pem"),
            ours.join("device.pem"),
            ours.join("device.key"),
        );
        Speaker::start(secret, move |settings| {
            settings.tls = true;
            settings.ca_file = ca;
            settings.certificate_file = Some(certificate);
            settings.key_file = Some(key);
        })
    };
    let misled = encrypted(&theirs);
    assert!(
        observer.heard.recv_timeout(Duration::from_secs(2)).is_err(),
        "it spoke to a broker that nobody vouched for"
    );
    drop(misled);
    let mut speaker = encrypted(&ours);
    observer.wait_for("lookhear/porch/availability", "online");
    observer.say("lookhear/porch/home/set", "PRESS", false);
    assert_eq!(speaker.device.asked.recv_timeout(LONG).unwrap(), Request::Home);
    speaker.stop();
    observer.wait_for("lookhear/porch/availability", "offline");
}
