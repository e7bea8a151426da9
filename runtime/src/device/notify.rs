//! What systemd is told: that the device is ready, that it lives, and how it is doing.

use std::time::Duration;

use lookhear_board::Clock;
use sd_notify::NotifyState;

/// The line to systemd; silent where there is none.
#[derive(Debug)]
pub struct Notifier {
    /// Half of what systemd waits for; `None` where it does not watch.
    period: Option<Duration>,
    last_fed: Duration,
    ready: bool,
    says: String,
}

impl Notifier {
    /// Finds out from the environment whether systemd watches.
    pub fn new() -> Self {
        Self {
            period: sd_notify::watchdog_enabled().map(|patience| patience / 2),
            last_fed: Duration::ZERO,
            ready: false,
            says: String::new(),
        }
    }

    /// Tells that the device does its work; only the first call does anything.
    pub fn ready(&mut self) {
        if !self.ready {
            self.ready = true;
            tell(NotifyState::Ready);
        }
    }

    /// Tells how the device is doing, in a line for `systemctl status`.
    pub fn say(&mut self, text: &str) {
        if self.says != text {
            text.clone_into(&mut self.says);
            tell(NotifyState::Status(text));
        }
    }

    /// Tells that the device lives, as often as systemd wants to hear it.
    pub fn feed(&mut self, clock: &dyn Clock) {
        let now = clock.now();
        if self
            .period
            .is_some_and(|period| now.saturating_sub(self.last_fed) >= period)
        {
            self.last_fed = now;
            tell(NotifyState::Watchdog);
        }
    }

    /// Tells that the device is about to end.
    pub fn stopping(&self) {
        tell(NotifyState::Stopping);
    }
}

impl Default for Notifier {
    fn default() -> Self {
        Self::new()
    }
}

fn tell(state: NotifyState<'_>) {
    // Without systemd there is nobody to tell; with it, a lost word is said again at the next turn.
    let _ = sd_notify::notify(&[state]);
}
