//! The event stream: news made once for all who follow it, while anybody does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::response::sse::Event;
use futures_util::stream::{self, Stream};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

use super::connection::Congestion;
use crate::actuation::events::PerceptEvent;
use crate::actuation::report::StatusReport;
use crate::actuation::status::Status;
use crate::exchange::{Bulletin, Pulse};

/// How much news is kept for whoever is late; the rest is missed.
const MOST_WAITING: usize = 16;

/// How often to look for a new percept.
const TURN: Duration = Duration::from_millis(50);

/// One event: its name, and its object as JSON.
type News = (&'static str, Arc<str>);

/// Tells everybody.
#[derive(Debug)]
pub(super) struct Broadcast {
    news: broadcast::Sender<News>,
    interval: Duration,
    missed: AtomicU64,
}

impl Broadcast {
    /// With so many states a second.
    pub(super) fn new(updates_per_second: f64) -> Self {
        Self {
            news: broadcast::Sender::new(MOST_WAITING),
            interval: Duration::from_secs_f64(1.0 / updates_per_second),
            missed: AtomicU64::new(0),
        }
    }

    /// How many events were missed by whoever was late.
    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Tells what is new, without end.
    pub(super) async fn run(self: Arc<Self>, bulletin: Arc<Bulletin<Status>>, pulse: Pulse) {
        let (mut seen, mut status) = (0, Status::default());
        let mut told_percept = None;
        let mut told_status: Option<Duration> = None;
        loop {
            tokio::time::sleep(TURN).await;
            if self.news.receiver_count() == 0 {
                continue;
            }
            let now = pulse.now();
            bulletin.read_newer(&mut seen, &mut status, Duration::ZERO);
            if let Some(percept) = &status.percept
                && told_percept.replace(percept.stamp) != Some(percept.stamp)
            {
                let event = PerceptEvent::new(percept.stamp, Some(percept), &status.attention, status.level);
                self.tell("percept", &event);
            }
            if told_status.is_none_or(|told| now.saturating_sub(told) >= self.interval) {
                told_status = Some(now);
                self.tell("status", &StatusReport::new(&status, now));
            }
        }
    }

    fn tell(&self, name: &'static str, object: &impl Serialize) {
        if let Ok(json) = serde_json::to_string(object) {
            // Nobody may be left since the last look.
            let _ = self.news.send((name, json.into()));
        }
    }

    /// What is told from now on, for one who keeps a place.
    pub(super) fn follow(
        self: Arc<Self>,
        congestion: Congestion,
        place: OwnedSemaphorePermit,
    ) -> impl Stream<Item = Result<Event, std::convert::Infallible>> {
        let following = (self.news.subscribe(), self, congestion, place);
        stream::unfold(following, async |(mut news, broadcast, congestion, place)| {
            loop {
                let missed = match news.recv().await {
                    Ok((name, json)) if !congestion.is_there() => {
                        let event = Event::default().event(name).data(json);
                        return Some((Ok(event), (news, broadcast, congestion, place)));
                    }
                    Ok(_) => 1,
                    Err(RecvError::Lagged(missed)) => missed,
                    Err(RecvError::Closed) => return None,
                };
                broadcast.missed.fetch_add(missed, Ordering::Relaxed);
            }
        })
    }
}
