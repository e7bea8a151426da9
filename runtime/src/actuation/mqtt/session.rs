//! One long talk with a broker that comes and goes.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::time::Duration;

use futures_util::future::select;
use rumqttc::{AsyncClient, ClientError, ConnectionError, Event, EventLoop, Packet, Publish, QoS, SubscribeFilter};

use super::MqttSettings;
use super::discovery::discovery;
use super::topics::{Message, OFFLINE, ONLINE, Topics};
use crate::actuation::report::StatusReport;
use crate::actuation::status::{Requests, Status};
use crate::exchange::{Bulletin, Pulse};

/// How often to look for something new, and for the word to stop.
const TURN: Duration = Duration::from_millis(50);

/// How long to take leave at most.
const LEAVE: Duration = Duration::from_millis(100);

/// How long to wait for a broker to answer, in seconds.
const CONNECT_SECONDS: u64 = 5;

/// How long to leave a broker alone that is not there: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How long a talk must last before the next failure counts as the first again.
const LASTING: Duration = Duration::from_secs(10);

/// What is said and heard. Both sides of the talk run in one thread and in turn.
pub(super) struct Session<'a> {
    settings: &'a MqttSettings,
    topics: Topics,
    client: AsyncClient,
    requests: &'a Requests,
    pulse: &'a Pulse,
    /// Since when the broker has been there.
    connected: Cell<Option<Duration>>,
    is_leaving: Cell<bool>,
    /// The state as it was told last, and when; `None` when it is to be told anew.
    told: RefCell<Option<(Duration, StatusReport)>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        settings: &'a MqttSettings,
        topics: Topics,
        client: AsyncClient,
        requests: &'a Requests,
        pulse: &'a Pulse,
    ) -> Self {
        Self {
            settings,
            topics,
            client,
            requests,
            pulse,
            connected: Cell::new(None),
            is_leaving: Cell::new(false),
            told: RefCell::new(None),
        }
    }

    /// Talks until told to stop.
    pub(super) async fn run(&self, mut events: EventLoop, status: &Bulletin<Status>) {
        events.network_options.set_connection_timeout(CONNECT_SECONDS);
        select(pin!(self.listen(&mut events)), pin!(self.speak(status))).await;
    }

    /// Keeps up the connection and hears what comes in; ends only after leave was taken.
    async fn listen(&self, events: &mut EventLoop) {
        let mut pause = RETRY.0;
        let mut last_trouble = String::new();
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    tracing::info!(
                        "connected to the MQTT broker {}:{}",
                        self.settings.host,
                        self.settings.port()
                    );
                    last_trouble.clear();
                    self.connected.set(Some(self.pulse.now()));
                    self.report(self.greet());
                }
                Ok(Event::Incoming(Packet::Publish(message))) => self.hear(&message),
                Ok(_) => {}
                Err(_) if self.is_leaving.get() => return,
                Err(error) => {
                    let began = self.connected.take();
                    if began.is_some_and(|began| self.pulse.now().saturating_sub(began) >= LASTING) {
                        pause = RETRY.0;
                    }
                    let trouble = remedy(&error);
                    if trouble != last_trouble {
                        let (host, port) = (&self.settings.host, self.settings.port());
                        tracing::warn!("no MQTT broker at {host}:{port}: {trouble}. Trying again, ever less often");
                        last_trouble = trouble;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    /// What a broker must know that was just found: it may have been started anew and know nothing.
    fn greet(&self) -> Result<(), ClientError> {
        let subscriptions = self.topics.subscriptions().into_iter();
        self.client
            .try_subscribe_many(subscriptions.map(|topic| SubscribeFilter::new(topic, QoS::AtLeastOnce)))?;
        self.introduce()
    }

    /// What whoever listens must know that does not know us.
    fn introduce(&self) -> Result<(), ClientError> {
        if let Some(topic) = self.topics.discovery() {
            let message = discovery(self.settings, &self.topics).to_string();
            self.client.try_publish(topic, QoS::AtLeastOnce, true, message)?;
        }
        self.client
            .try_publish(self.topics.availability(), QoS::AtLeastOnce, true, ONLINE)?;
        self.told.replace(None);
        Ok(())
    }

    fn hear(&self, message: &Publish) {
        // What is retained was meant for somebody else, long ago: it must not turn the camera at every connection. Home
        // Assistant's word that it is there may well be retained.
        match self.topics.read(&message.topic, &message.payload) {
            Some(Message::Birth) => self.report(self.introduce()),
            Some(Message::Request(request)) if !message.retain => {
                if !self.requests.send(request) {
                    tracing::warn!("a request by MQTT was lost: too much was asked for at once");
                }
            }
            _ => tracing::debug!("a message by MQTT on {} is not understood", message.topic),
        }
    }

    /// Tells the state while the broker is there, and takes leave when told to stop.
    async fn speak(&self, bulletin: &Bulletin<Status>) {
        let (mut seen, mut status) = (0, Status::default());
        while !self.pulse.should_stop() {
            self.pulse.beat();
            bulletin.read_newer(&mut seen, &mut status, Duration::ZERO);
            if self.connected.get().is_some() {
                self.tell(&status);
            }
            tokio::time::sleep(TURN).await;
        }
        if self.connected.get().is_some() {
            // Said by ourselves, because a broker keeps the last will to itself when one takes leave.
            self.is_leaving.set(true);
            let farewell = self
                .client
                .try_publish(self.topics.availability(), QoS::AtLeastOnce, true, OFFLINE)
                .and_then(|()| self.client.try_disconnect());
            self.report(farewell);
            tokio::time::sleep(LEAVE).await;
        }
    }

    fn tell(&self, status: &Status) {
        let now = self.pulse.now();
        let report = StatusReport::new(status, now);
        let is_due = self.told.borrow().as_ref().is_none_or(|(told, before)| {
            let since = now.saturating_sub(*told).as_secs_f64();
            let patience = if differ(before, &report) {
                1.0 / self.settings.most_states_per_second
            } else {
                self.settings.least_every_seconds
            };
            since >= patience
        });
        if !is_due {
            return;
        }
        let Ok(message) = serde_json::to_string(&report) else {
            return;
        };
        self.report(
            self.client
                .try_publish(self.topics.state(), QoS::AtMostOnce, true, message),
        );
        self.told.replace(Some((now, report)));
    }

    fn report(&self, said: Result<(), ClientError>) {
        if let Err(error) = said {
            tracing::debug!("a message by MQTT was dropped: {error}");
        }
    }
}

/// Whether a person would notice.
fn differ(before: &StatusReport, now: &StatusReport) -> bool {
    let words = |report: &StatusReport| {
        let StatusReport {
            state,
            accepted,
            throttled,
            paused,
            moving,
            healthy,
            ..
        } = *report;
        (state, accepted, throttled, paused, moving, healthy)
    };
    let moved = |before: Option<f64>, now: Option<f64>| match (before, now) {
        (Some(before), Some(now)) => (before - now).abs() >= 1.0,
        (before, now) => before.is_some() != now.is_some(),
    };
    words(before) != words(now)
        || before.stages != now.stages
        || moved(before.pan_degrees, now.pan_degrees)
        || moved(before.tilt_degrees, now.tilt_degrees)
}

/// What went wrong, and what helps.
fn remedy(error: &ConnectionError) -> String {
    use rumqttc::ConnectReturnCode::{BadClientId, BadUserNamePassword, NotAuthorized};
    match error {
        ConnectionError::ConnectionRefused(BadUserNamePassword | NotAuthorized) => {
            "it refuses user and password; see mqtt.user and mqtt.password_file".to_owned()
        }
        ConnectionError::ConnectionRefused(BadClientId) => {
            "it refuses the name of this device; see mqtt.device".to_owned()
        }
        ConnectionError::Tls(error) => format!("{error}; see mqtt.ca_file, mqtt.host, and the clock of this machine"),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => "it does not answer".to_owned(),
        other => other.to_string(),
    }
}
