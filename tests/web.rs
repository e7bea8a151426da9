//! The page as a browser and other programs meet it.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lookhear::actuation::report::StatusReport;
use lookhear::actuation::status::Request;
use lookhear::actuation::web::{self, WebSettings};
use lookhear::exchange::Pulse;
use lookhear_tests::pretend::Pretend;
use lookhear_tests::root;

const TOKEN: &str = "swordfish-swordfish";
const LONG: Duration = Duration::from_secs(30);

/// The page of a pretended device.
struct Site {
    device: Pretend,
    address: SocketAddr,
    pulse: Pulse,
    thread: Option<JoinHandle<Result<(), web::WebError>>>,
}

impl Site {
    fn open(change: impl FnOnce(&mut WebSettings)) -> Self {
        let mut settings = WebSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            token: Some(TOKEN.to_owned().into()),
            ..WebSettings::default()
        };
        change(&mut settings);
        let listener: TcpListener = web::listen(&settings).unwrap();
        let (device, pulse) = (Pretend::start(), Pretend::pulse());
        let address = listener.local_addr().unwrap();
        let (status, viewfinder) = (device.status.clone(), device.viewfinder.clone());
        let (requests, beat) = (device.requests.clone(), pulse.clone());
        let thread = std::thread::spawn(move || {
            web::serve(
                &settings,
                listener,
                Pretend::input(),
                status,
                viewfinder,
                requests,
                &beat,
            )
        });
        Self {
            device,
            address,
            pulse,
            thread: Some(thread),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Sends the head of a request, and its body.
    fn send(&self, line: &str, headers: &[&str], body: &str) -> TcpStream {
        let mut stream = self.connect();
        let mut head = format!("{line} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|header| header.starts_with("Host:")) {
            head += &format!("Host: {}\r\n", self.address);
        }
        headers.iter().for_each(|header| head += &format!("{header}\r\n"));
        write!(stream, "{head}\r\n{body}").unwrap();
        stream
    }

    /// The whole answer: status, head, body.
    fn ask(&self, line: &str, headers: &[&str], body: &str) -> (u16, String, Vec<u8>) {
        let mut answer = Vec::new();
        let headers = [headers, &["Connection: close"]].concat();
        self.send(line, &headers, body).read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, head, answer[end + 4..].to_vec())
    }

    fn get(&self, path: &str) -> (u16, String) {
        let (code, _, body) = self.ask(&format!("GET {path}"), &[], "");
        (code, String::from_utf8(body).unwrap())
    }

    fn request(&self, headers: &[&str], body: &str) -> u16 {
        self.ask(
            "POST /api/request",
            &[headers, &["Content-Type: application/json"]].concat(),
            body,
        )
        .0
    }

    /// The value of a line of the metrics.
    fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is missing in\n{text}"))
            .parse()
            .unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.pulse.stop();
        let stopping = Instant::now();
        let outcome = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            outcome.unwrap().unwrap();
            assert!(
                stopping.elapsed() < Duration::from_secs(1),
                "took {:?} to stop",
                stopping.elapsed()
            );
        }
    }
}

/// Waits until something is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_page_is_served_and_keeps_others_out() {
    let site = Site::open(|_| {});
    let (code, head, body) = site.ask("GET /", &[], "");
    assert_eq!(code, 200);
    assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    assert!(head.contains("cross-origin-resource-policy: same-origin"), "{head}");
    assert!(String::from_utf8(body).unwrap().contains("/script.js"));
    for path in ["/style.css", "/script.js", "/icon.svg"] {
        assert_eq!(site.get(path).0, 200, "{path}");
    }
    assert_eq!(site.get("/etc/passwd").0, 404);
    for (host, code) in [("localhost:9", 200), ("[::1]", 200), ("rebound.example", 421)] {
        assert_eq!(
            site.ask("GET /api/status", &[&format!("Host: {host}")], "").0,
            code,
            "{host}"
        );
    }
}

#[test]
fn the_state_is_told_to_people_and_programs() {
    let site = Site::open(|_| {});
    eventually("the device is well", || {
        site.get("/healthz") == (200, "all is well\n".to_owned())
    });
    let status: StatusReport = serde_json::from_str(&site.get("/api/status").1).unwrap();
    assert!(status.healthy && status.stages.len() == 6, "{status:?}");
    assert_eq!(site.metric(r#"lookhear_stage_fresh{stage="microphone"}"#), 1.0);
    site.device.deaf.store(true, Ordering::Relaxed);
    eventually("the trouble is told", || site.get("/healthz").0 == 503);
    let (_, reasons) = site.get("/healthz");
    assert!(
        reasons.starts_with("microphone: ") && reasons.contains("unplugged"),
        "{reasons}"
    );
    assert_eq!(site.metric(r#"lookhear_stage_restarts_total{stage="microphone"}"#), 2.0);
}

#[test]
fn only_who_knows_the_token_may_ask_for_something() {
    let site = Site::open(|_| {});
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let foreign = "Origin: http://evil.example";
    let own = format!("Origin: http://{}", site.address);
    let pause = r#"{"request":"pause"}"#;
    assert_eq!(site.request(&[], pause), 401);
    assert_eq!(site.request(&["Authorization: Bearer swordfish"], pause), 401);
    assert_eq!(site.request(&[&bearer, foreign], pause), 403);
    assert_eq!(site.request(&[&bearer, "Origin: null"], pause), 403);
    assert_eq!(site.request(&[&bearer], r#"{"request":"explode"}"#), 400);
    assert_eq!(site.request(&[&bearer], &" ".repeat(2000)), 413);
    assert_eq!(
        site.ask("POST /api/request", &[&bearer, "Content-Type: text/plain"], pause)
            .0,
        415
    );
    assert_eq!(site.ask("GET /api/request", &[&bearer], "").0, 405);
    assert!(
        site.device.asked.recv_timeout(Duration::from_millis(200)).is_err(),
        "nothing was passed on"
    );
    assert_eq!(site.request(&[&bearer, &own], pause), 202);
    assert_eq!(
        site.request(&[&bearer], r#"{"request":"drive","pan":-4,"tilt":1}"#),
        202
    );
    assert_eq!(site.device.asked.recv_timeout(LONG).unwrap(), Request::Pause);
    assert_eq!(
        site.device.asked.recv_timeout(LONG).unwrap(),
        Request::Drive { pan: -4.0, tilt: 1.0 }
    );
    assert_eq!(site.metric(r#"lookhear_web_requests_total{outcome="accepted"}"#), 2.0);
    assert_eq!(site.metric(r#"lookhear_web_requests_total{outcome="refused"}"#), 6.0);
}

#[test]
fn the_picture_is_drawn_only_while_somebody_looks() {
    let site = Site::open(|settings| settings.width = 320);
    let (code, head, jpeg) = site.ask("GET /snapshot.jpg", &[], "");
    assert_eq!(code, 200, "{head}");
    let picture = image::load_from_memory(&jpeg).unwrap();
    assert_eq!((picture.width(), picture.height()), (320, 180));
    let mut stream = site.send("GET /stream.mjpg", &[], "");
    let mut received = Vec::new();
    let mut part = vec![0; 65_536];
    while received
        .windows(4)
        .filter(|window| window == b"\xff\xd8\xff\xe0")
        .count()
        < 5
    {
        let bytes = stream.read(&mut part).unwrap();
        assert!(bytes > 0, "the stream ended");
        received.extend_from_slice(&part[..bytes]);
    }
    drop(stream);
    eventually("the viewer is gone", || {
        site.metric(r#"lookhear_web_viewers{kind="picture"}"#) == 0.0
    });
    std::thread::sleep(Duration::from_millis(500));
    let drawn = site.metric("lookhear_web_pictures_total");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(site.metric("lookhear_web_pictures_total"), drawn);
}

#[test]
fn without_frames_no_old_picture_is_shown() {
    let site = Site::open(|settings| settings.width = 320);
    site.device.blind.store(true, Ordering::Relaxed);
    let rounds = || site.device.rounds.load(Ordering::Relaxed);
    let sighted = rounds();
    // The round under way may still show a frame; the one after it cannot.
    eventually("the camera has gone blind", || rounds() > sighted + 1);
    let (code, _, jpeg) = site.ask("GET /snapshot.jpg", &[], "");
    assert_eq!(code, 200);
    let picture = image::load_from_memory(&jpeg).unwrap().to_luma8();
    let upper = picture.rows().take(60).flatten().map(|pixel| pixel.0[0]).max();
    assert!(upper < Some(24), "black above the strip: {upper:?}");
}

#[test]
fn events_are_told_as_they_happen() {
    let site = Site::open(|_| {});
    let mut stream = site.send("GET /events", &[], "");
    let (mut text, mut part) = (String::new(), [0; 4096]);
    while text.matches("event: status").count() < 3 || text.matches("event: percept").count() < 3 {
        let bytes = stream.read(&mut part).unwrap();
        assert!(bytes > 0, "the stream ended: {text}");
        text += &String::from_utf8_lossy(&part[..bytes]);
    }
    assert!(text.contains("text/event-stream"), "{text}");
    let json = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .find(|json| json.contains("status.v1"));
    assert!(serde_json::from_str::<StatusReport>(json.unwrap()).is_ok());
}

/// How much memory this process holds, in bytes.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn visitors_who_never_read_cost_little_and_are_sent_away() {
    let site = Site::open(|settings| settings.frames_per_second = 20.0);
    eventually("the device is well", || site.get("/healthz").0 == 200);
    let before = resident_bytes();
    let idle: Vec<TcpStream> = (0..4).map(|_| site.connect()).collect();
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(site.send("GET /stream.mjpg", &[], ""));
        silent.push(site.send("GET /events", &[], ""));
    }
    eventually("all places are taken", || {
        site.metric(r#"lookhear_web_viewers{kind="picture"}"#) == 8.0
    });
    assert_eq!(site.get("/stream.mjpg").0, 503);
    let watched = Instant::now();
    let mut most = 0;
    eventually("those who do not read lose their place", || {
        most = most.max(resident_bytes());
        site.metric(r#"lookhear_web_viewers{kind="picture"}"#) == 0.0
    });
    let grown = most.saturating_sub(before);
    eprintln!(
        "8 viewers who never read were sent away after {:?}; memory grew by {grown} bytes",
        watched.elapsed()
    );
    assert!(grown < 32 << 20, "memory grew by {grown} bytes");
    let mut nothing = [0; 1];
    for mut stream in idle {
        assert_eq!(
            stream.read(&mut nothing).unwrap_or(0),
            0,
            "one who asks nothing is sent away too"
        );
    }
}

/// A person's way through the page, in a real browser, by way of Node.js.
#[test]
fn a_person_uses_the_page() {
    let has = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if std::env::var_os("LOOKHEAR_WITHOUT_BROWSER").is_some() {
        return;
    }
    assert!(
        ["chromium", "node", "npm"].into_iter().all(has),
        "Chromium, Node.js or npm is missing: install them, or set LOOKHEAR_WITHOUT_BROWSER=1 to do without this test"
    );
    let modules = root().join("target/browser");
    if !modules.join("node_modules/playwright-core").is_dir() {
        std::fs::create_dir_all(&modules).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "playwright-core@1.65.1"])
            .current_dir(&modules);
        assert!(npm.status().unwrap().success(), "npm cannot install playwright-core");
    }
    let site = Site::open(|_| {});
    eventually("the device is well", || site.get("/healthz").0 == 200);
    let pictures = std::env::var("LOOKHEAR_SCREENS").unwrap_or_else(|_| modules.join("screens").display().to_string());
    std::fs::create_dir_all(&pictures).unwrap();
    let script = root().join("tests/peers/page.mjs");
    let browser = Command::new("node")
        .arg(script)
        .arg(format!("http://{}/", site.address))
        .arg(TOKEN)
        .arg(&pictures)
        .arg(modules.join("node_modules/playwright-core/index.js"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&browser.stdout).into_owned() + &String::from_utf8_lossy(&browser.stderr);
    assert!(browser.status.success(), "{said}");
    let asked: Vec<Request> = site.device.asked.try_iter().collect();
    let is_right = |request: &Request| matches!(request, Request::Drive { pan, tilt } if *pan > 0.0 && *tilt == 0.0);
    let is_up = |request: &Request| matches!(request, Request::Drive { pan, tilt } if *pan == 0.0 && *tilt > 0.0);
    assert!(
        asked.starts_with(&[Request::Pause, Request::Resume, Request::Home]),
        "{asked:?}"
    );
    assert!(
        asked.iter().filter(|request| is_right(request)).count() >= 2,
        "held: {asked:?}"
    );
    assert!(asked.iter().any(is_up), "by key: {asked:?}");
    assert_eq!(asked.last(), Some(&Request::Stop), "{asked:?}");
    assert!(Path::new(&pictures).join("web-desktop-light.png").is_file());
}
