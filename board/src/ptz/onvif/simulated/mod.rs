//! A camera that speaks ONVIF and turns a head that is not there: on this machine, over real connections, in the time of the
//! clock it is given. Foreign clients can talk to it as well.

mod answers;
mod head;
mod server;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use self::head::Head;
use super::time::Utc;
use crate::Clock;

/// How a simulated camera behaves; as a good one by default.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// What it asks of its users.
    pub asks_for: AsksFor,
    /// The one user that it knows.
    pub user: String,
    /// That user's password.
    pub password: String,
    /// The token of the profile that has the head.
    pub profile: String,
    /// What its clock shows when it is started.
    pub shows: Utc,
    /// It takes places.
    pub takes_places: bool,
    /// It takes steps.
    pub takes_steps: bool,
    /// It offers places in degrees too: pan −180 to 180, tilt −30 to 90.
    pub counts_in_degrees: bool,
    /// It takes `Stop`.
    pub takes_stop: bool,
    /// It takes times with its drives, in whole seconds; otherwise a drive goes on until it is stopped.
    pub takes_timeout: bool,
    /// It has a home position.
    pub has_home: bool,
    /// The names of its presets: the first is at (0.25, 0.25), the next at (0.5, 0.5), and so on.
    pub presets: Vec<String>,
    /// It tells where it looks.
    pub tells_position: bool,
    /// It tells whether it moves.
    pub tells_movement: bool,
    /// It has `GetCapabilities` alone, as old cameras.
    pub is_old: bool,
    /// It has Media2 alone, as some new cameras.
    pub is_new: bool,
    /// The host and port at which it says its services are, if not where it is reached.
    pub claims_to_be_at: Option<String>,
    /// Its pan speeds have the opposite sign of its positions.
    pub turns_backward: bool,
    /// It forgets to declare a prefix.
    pub slips: bool,
}

/// What a simulated camera asks of its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsksFor {
    /// Nothing.
    Nothing,
    /// HTTP Digest.
    Digest,
    /// The UsernameToken of WS-Security.
    UsernameToken,
    /// Either, as the specification has it.
    Either,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            asks_for: AsksFor::Nothing,
            user: "operator".to_owned(),
            password: "let me in".to_owned(),
            profile: "profile2".to_owned(),
            shows: Utc(1_000_000_000),
            takes_places: true,
            takes_steps: true,
            counts_in_degrees: false,
            takes_stop: true,
            takes_timeout: true,
            has_home: true,
            presets: Vec::new(),
            tells_position: true,
            tells_movement: true,
            is_old: false,
            is_new: false,
            claims_to_be_at: None,
            turns_backward: false,
            slips: false,
        }
    }
}

/// What a simulated camera was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The name of the request, such as `GetStatus`.
    pub name: String,
    /// The whole envelope.
    pub envelope: String,
}

/// A camera that runs until it is dropped.
pub struct SimulatedCamera {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the camera and those who hold it share.
struct Shared {
    clock: Arc<dyn Clock>,
    started_at: Duration,
    state: Mutex<State>,
    silent: AtomicBool,
    ended: AtomicBool,
}

struct State {
    behaviour: Behaviour,
    head: Head,
    asked: Vec<Asked>,
    used_nonces: Vec<String>,
    /// How many digest challenges it gave.
    challenges: u64,
    /// The numbers in those that still hold, each with the count of its use.
    counts: HashMap<String, u32>,
    /// Connections that are kept waiting while it is silent.
    waiting: Vec<TcpStream>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the camera's clock shows.
    fn shows(&self, state: &State) -> Utc {
        let since = self.clock.now().saturating_sub(self.started_at).as_secs();
        Utc(state.behaviour.shows.0 + i64::try_from(since).unwrap_or(0))
    }
}

impl SimulatedCamera {
    /// Switches one on, at a port of the loopback interface that is free.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn start(behaviour: Behaviour, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            started_at: clock.now(),
            state: Mutex::new(State {
                behaviour,
                head: Head::new(clock.now()),
                asked: Vec::new(),
                used_nonces: Vec::new(),
                challenges: 0,
                counts: HashMap::new(),
                waiting: Vec::new(),
            }),
            clock,
            silent: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("simulated-camera".to_owned())
            .spawn(move || server::serve(&listener, &served))?;
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }

    /// Where its device service is.
    pub fn url(&self) -> String {
        format!("http://{}/onvif/device_service", self.address)
    }

    /// Where it looks, each axis from −1 to 1.
    pub fn position(&self) -> [f64; 2] {
        let now = self.shared.clock.now();
        self.shared.state().head.position(now)
    }

    /// Whether it moves.
    pub fn is_moving(&self) -> bool {
        let now = self.shared.clock.now();
        self.shared.state().head.is_moving(now)
    }

    /// What it was asked since this was called last.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.state().asked)
    }

    /// Changes how it behaves.
    pub fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.state().behaviour);
    }

    /// Lets the numbers of its digest challenges run out.
    pub fn forget_challenges(&self) {
        self.shared.state().counts.clear();
    }

    /// Takes requests without doing or answering anything while `silent`.
    pub fn set_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::SeqCst);
        self.shared.state().waiting.clear();
    }
}

impl Drop for SimulatedCamera {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // It looks at that when the next connection comes.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}
