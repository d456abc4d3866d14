//! One socket, in one task: frames are read into the protocol's machine, what it says is done, and what the session is owed leaves
//! in vectored writes. Idle, it holds no buffer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, Sleep};

use super::outbox::{MAX_BYTES, MAX_FRAMES, MAX_WITH_PONG};
use super::socket::{SharedOut, Socket};
use super::waiting::Place;
use super::{STOPPING, Shared, Taken};
use crate::actions::expressions::sounds;
use crate::actions::gateway::{self as act, Entered, Refused};
use crate::actions::{member_requests, subscriptions, voice};
use crate::hub::{self, Next};
use crate::logic::frame;
use crate::logic::frame::incoming::{FrameFault, Incoming, Received};
use crate::logic::session::{
    ClientFrame, Close, CloseCode, Command, ConnectQuery, HELLO, INVALID_SESSION, Machine, RECONNECT, Step,
    ends_session,
};
use crate::logic::stream::Compression;

/// Bytes read at once, on the stack.
const READ_BYTES: usize = 4 << 10;
/// Milliseconds a client may take nothing of what is sent to it (SAFETY.md §5.13).
const MAX_STUCK_MS: u64 = 30_000;
/// Milliseconds between op 7 and the close that follows it.
const RECONNECT_WITHIN_MS: u64 = 1_000;
/// How long a close may take: the frame to leave, and the client to answer it.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// Bytes read and thrown away while a client is on its way to see the close.
const MAX_AFTER_CLOSE_BYTES: usize = 1 << 20;

/// What a task that a client asked for came to.
enum Done {
    Entered(Result<Entered, Refused>),
    Answered,
}

type Task = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What happened.
enum Turn {
    /// Bytes came.
    Received,
    /// The client is gone, or the socket.
    Lost,
    /// A task ended.
    Done(Done),
    /// The session says what to do.
    Session(Next),
    /// A deadline may have passed.
    Time,
    /// The server stops.
    Stop,
}

/// Why a connection ends.
enum End {
    /// The socket is gone.
    Lost,
    /// The client sent a close frame with this code, if any.
    ByClient(Option<u16>),
    /// We close.
    Close(Close),
}

/// One socket and what it is in the middle of.
pub(super) struct Connection {
    shared: Arc<Shared>,
    stream: Socket,
    machine: Machine,
    incoming: Incoming,
    out: SharedOut,
    /// The session, once identified. Shared with the task at hand alone.
    session: Option<Arc<hub::Connection>>,
    /// What the client asked for and is not done yet: one thing at a time.
    task: Option<Task>,
    /// A payload that waits for the task's end; nothing is read meanwhile.
    held: Option<Vec<u8>>,
    /// Since when the client takes nothing.
    stuck_since_ms: Option<u64>,
    /// When to close after op 7.
    leave_at_ms: Option<u64>,
    timer: Pin<Box<Sleep>>,
    stop: Pin<Box<OwnedNotified>>,
    /// Whether `stop` wakes the task.
    hears_stop: bool,
    /// Held until it identifies.
    place: Option<Place>,
    _seat: Box<dyn std::any::Any + Send>,
}

impl Connection {
    /// The connection of a socket that was just upgraded.
    pub fn new(shared: Arc<Shared>, taken: Taken, place: Place) -> Self {
        let machine = Machine::new(shared.now_ms());
        let mut incoming = Incoming::default();
        incoming.push(&taken.read);
        let timer = Box::pin(tokio::time::sleep_until(Instant::now()));
        let stop = Box::pin(Arc::clone(&shared.stop).notified_owned());
        Self {
            shared,
            stream: Socket::new(taken.stream),
            machine,
            incoming,
            out: SharedOut::new(Compression::None),
            session: None,
            task: None,
            held: None,
            stuck_since_ms: None,
            leave_at_ms: None,
            timer,
            stop,
            hears_stop: false,
            place: Some(place),
            _seat: taken.seat,
        }
    }

    /// Serves it to its end.
    pub async fn serve(mut self, asked: Result<ConnectQuery, Close>) {
        let end = match asked {
            Ok(asked) => {
                self.out = SharedOut::new(asked.compression);
                self.say(HELLO);
                self.run().await
            }
            Err(close) => End::Close(close),
        };
        self.finish(end).await;
    }

    async fn run(&mut self) -> End {
        self.arm();
        if self.shared.is_stopping.load(Ordering::Acquire) {
            return End::Close(STOPPING);
        }
        // What came with the upgrade's request.
        if let Err(end) = self.read_frames() {
            return end;
        }
        loop {
            let turn = std::future::poll_fn(|cx| self.poll_turn(cx)).await;
            if let Err(end) = self.take_turn(turn) {
                return end;
            }
        }
    }

    fn take_turn(&mut self, turn: Turn) -> Result<(), End> {
        match turn {
            Turn::Received => self.read_frames(),
            Turn::Lost => Err(End::Lost),
            Turn::Done(done) => {
                match done {
                    Done::Entered(entered) => self.entered(entered)?,
                    Done::Answered => {}
                }
                if let Some(held) = self.held.take() {
                    self.take_payload(&held)?;
                }
                self.read_frames()
            }
            Turn::Session(Next::Close(close)) => Err(End::Close(close)),
            Turn::Session(Next::Reconnect) => {
                self.say(RECONNECT);
                self.leave_at_ms = Some(self.shared.now_ms() + RECONNECT_WITHIN_MS);
                self.arm();
                Ok(())
            }
            Turn::Session(Next::Events { .. }) => Ok(()),
            Turn::Time => self.on_time(),
            Turn::Stop => Err(End::Close(STOPPING)),
        }
    }

    /// Writes what waits, takes what the session is owed once all is written, then looks at what else happened.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        if let Poll::Ready(turn) = self.poll_out(cx) {
            return Poll::Ready(turn);
        }
        if self.held.is_none() {
            match self.poll_read(cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Turn::Lost),
                Poll::Ready(Ok(_)) => return Poll::Ready(Turn::Received),
                Poll::Pending => {}
            }
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Turn::Time);
        }
        self.poll_stop(cx)
    }

    /// Asks to be woken the first time only: the list of who is to be woken is everybody's, and its lock too much for each delivery.
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        if !self.hears_stop && self.stop.as_mut().poll(cx).is_pending() {
            self.hears_stop = true;
        }
        let is_over = !self.hears_stop || self.shared.is_closing.load(Ordering::Acquire);
        if is_over { Poll::Ready(Turn::Stop) } else { Poll::Pending }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        loop {
            let stuck = &mut self.stuck_since_ms;
            let written = self.out.lock().outbox.poll_write(cx, &mut self.stream, || *stuck = None);
            match written {
                Poll::Ready(Ok(())) => self.stuck_since_ms = None,
                Poll::Ready(Err(_)) => return Poll::Ready(Turn::Lost),
                Poll::Pending => {
                    if self.stuck_since_ms.is_none() {
                        self.stuck_since_ms = Some(self.shared.now_ms());
                        self.arm();
                    }
                    // Another connection may resume the session, or the hub give this one up, while nothing moves here.
                    let Some(session) = &self.session else { return Poll::Pending };
                    return session.poll_cut(cx).map(|close| Turn::Session(Next::Close(close)));
                }
            }
            if let Poll::Ready(next) = self.poll_session(cx) {
                match next {
                    Next::Events { .. } => continue,
                    next => return Poll::Ready(Turn::Session(next)),
                }
            }
            // A task that makes a lot is asked for more only when what it made is written.
            let Some(task) = &mut self.task else { return Poll::Pending };
            return match task.as_mut().poll(cx) {
                Poll::Ready(done) => {
                    self.task = None;
                    Poll::Ready(Turn::Done(done))
                }
                Poll::Pending => Poll::Pending,
            };
        }
    }

    fn poll_session(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let Some(session) = &self.session else { return Poll::Pending };
        // Locked before the events are taken: what one of two writers takes first, it also queues first.
        let mut out = self.out.lock();
        let mut taken = Vec::new();
        let next = session.poll_next(cx, MAX_FRAMES, MAX_BYTES, &mut taken);
        for (seq, packet) in &taken {
            let frame = out.outbound.dispatch(*seq, packet);
            out.outbox.push(frame);
        }
        next
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; READ_BYTES];
        let mut read = ReadBuf::new(&mut bytes);
        match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
            Poll::Ready(Ok(())) => {
                self.incoming.push(read.filled());
                Poll::Ready(Ok(read.filled().len()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Does what the whole frames among what was read ask for, up to one that has to wait.
    fn read_frames(&mut self) -> Result<(), End> {
        let mut incoming = std::mem::take(&mut self.incoming);
        let read = self.read_frames_of(&mut incoming);
        self.incoming = incoming;
        read
    }

    fn read_frames_of(&mut self, incoming: &mut Incoming) -> Result<(), End> {
        while self.held.is_none() {
            match incoming.next(self.machine.payload_limit()) {
                Ok(Some(Received::Message(payload))) => self.take_payload(payload)?,
                Ok(Some(Received::Ping(payload))) => {
                    let mut out = self.out.lock();
                    if let Some(pong) = frame::pong(payload)
                        && out.outbox.len() < MAX_WITH_PONG
                    {
                        out.outbox.push_control(&pong);
                    }
                }
                Ok(Some(Received::Pong)) => {}
                Ok(Some(Received::Close(payload))) => return Err(End::ByClient(frame::close_code(payload))),
                Ok(None) => break,
                Err(fault) => return Err(End::Close(close_for(fault))),
            }
        }
        Ok(())
    }

    fn take_payload(&mut self, payload: &[u8]) -> Result<(), End> {
        if self.task.is_some()
            && !matches!(ClientFrame::parse(payload, payload.len()), Ok(ClientFrame::Heartbeat(_)))
        {
            self.held = Some(payload.to_vec());
            return Ok(());
        }
        match self.machine.on_frame(self.shared.now_ms(), payload) {
            Step::Nothing => {}
            Step::Reply(reply) => {
                self.say(reply);
                if let (Some(session), Some(seq)) = (&self.session, self.machine.last_heartbeat_seq()) {
                    session.acknowledge(seq);
                }
            }
            Step::Identify(identify) => {
                let entering = act::identify(self.shared.app.clone(), Arc::clone(&self.shared.url), identify);
                self.task = Some(Box::pin(async { Done::Entered(entering.await) }));
            }
            Step::Resume(resume) => {
                let entering = act::resume(self.shared.app.clone(), resume);
                self.task = Some(Box::pin(async { Done::Entered(entering.await) }));
            }
            Step::Forward(command) => self.forward(command),
            Step::Dispatch(packet) => {
                if let Some(session) = &self.session {
                    session.answer(packet);
                }
            }
            Step::Close(close) => return Err(End::Close(close)),
        }
        Ok(())
    }

    fn forward(&mut self, command: Command) {
        let Some(session) = &self.session else { return };
        let (app, session) = (self.shared.app.clone(), Arc::clone(session));
        self.task = match command {
            Command::Presence(presence) => Some(Box::pin(async move {
                act::show(&app, &session, presence).await;
                Done::Answered
            })),
            Command::RequestMembers(request) => Some(Box::pin(async move {
                member_requests::answer(&app, &session, request).await;
                Done::Answered
            })),
            Command::VoiceState(update) => Some(Box::pin(async move {
                voice::update(&app, &session, update).await;
                Done::Answered
            })),
            Command::Subscribe(guilds) => Some(Box::pin(async move {
                subscriptions::look(&app, &session, guilds).await;
                Done::Answered
            })),
            Command::RequestSounds(guilds) => Some(Box::pin(async move {
                sounds::answer(&app, &session, &guilds);
                Done::Answered
            })),
            Command::RequestChannels(guild) => Some(Box::pin(async move {
                voice::show_rooms(&app, &session, guild).await;
                Done::Answered
            })),
            Command::ConnectCall(channel) => Some(Box::pin(async move {
                voice::show_call(&app, &session, channel).await;
                Done::Answered
            })),
        };
    }

    fn entered(&mut self, entered: Result<Entered, Refused>) -> Result<(), End> {
        match entered {
            Ok(Entered { connection, who }) => {
                self.machine.resumed(who);
                let session = Arc::new(connection);
                self.out.write_for(&session, &self.stream);
                self.session = Some(session);
                self.place = None;
                Ok(())
            }
            Err(Refused::InvalidSession) => {
                self.machine.refuse(self.shared.now_ms());
                self.say(INVALID_SESSION);
                self.arm();
                Ok(())
            }
            Err(Refused::Close(close)) => Err(End::Close(close)),
        }
    }

    fn say(&mut self, message: &'static str) {
        let mut out = self.out.lock();
        let frame = out.outbound.own(message.as_bytes());
        out.outbox.push(frame);
    }

    fn next_deadline_ms(&self) -> u64 {
        let stuck = self.stuck_since_ms.map(|since| since + MAX_STUCK_MS);
        [stuck, self.leave_at_ms].into_iter().flatten().fold(self.machine.next_deadline(), u64::min)
    }

    /// Sets the timer to the next deadline. Deadlines that move back are noticed when the timer rings, so that a heartbeat costs none.
    fn arm(&mut self) {
        let at = self.shared.started + Duration::from_millis(self.next_deadline_ms());
        self.timer.as_mut().reset(at.into());
    }

    fn on_time(&mut self) -> Result<(), End> {
        let now_ms = self.shared.now_ms();
        if self.stuck_since_ms.is_some_and(|since| since + MAX_STUCK_MS <= now_ms) {
            return Err(End::Lost);
        }
        if self.leave_at_ms.is_some_and(|at| at <= now_ms) {
            return Err(End::Close(STOPPING));
        }
        if let Some(close) = self.machine.on_time(now_ms) {
            return Err(End::Close(close));
        }
        self.arm();
        Ok(())
    }

    /// Lets go of the session, tells the client why if it can still hear, and ends the connection.
    async fn finish(mut self, end: End) {
        self.task = None;
        // From here on nobody else writes, nor holds the session.
        self.out.lock().is_closed = true;
        let frame = match end {
            End::Lost => return,
            End::ByClient(code) => {
                if let (true, Some(session)) =
                    (ends_session(code), self.session.take().and_then(Arc::into_inner))
                {
                    session.end();
                }
                frame::close(code.unwrap_or(1000), "")
            }
            End::Close(close) => frame::close(close.code.number(), close.reason),
        };
        let is_answer = matches!(end, End::ByClient(_));
        self.session = None;
        self.place = None;
        let mut outbox = std::mem::take(&mut self.out.lock().outbox);
        outbox.push_control(&frame);
        let Self { mut stream, _seat, .. } = self;
        let farewell = async {
            std::future::poll_fn(|cx| outbox.poll_write(cx, &mut stream, || ())).await?;
            stream.shutdown().await?;
            if is_answer { Ok(()) } else { wait_for_end(&mut stream).await }
        };
        // Who takes no close is cut off.
        let _: Result<io::Result<()>, _> = tokio::time::timeout(CLOSE_WITHIN, farewell).await;
    }
}

/// Reads on until the client is gone: a connection dropped with bytes unread is reset, and a reset can overtake the close frame.
async fn wait_for_end(stream: &mut Socket) -> io::Result<()> {
    let mut bytes = [0; 512];
    let mut left = MAX_AFTER_CLOSE_BYTES;
    loop {
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            read if read >= left => return Ok(()),
            read => left -= read,
        }
    }
}

fn close_for(fault: FrameFault) -> Close {
    match fault {
        FrameFault::TooLong => Close::new(CloseCode::Decode, "the payload is too large"),
        FrameFault::Reserved => Close::new(CloseCode::Protocol, "a reserved bit or opcode is set"),
        FrameFault::Unmasked => Close::new(CloseCode::Protocol, "the frame is not masked"),
        FrameFault::Fragmented => Close::new(CloseCode::Protocol, "messages in pieces are not taken"),
        FrameFault::BadControl => Close::new(CloseCode::Protocol, "a control frame is too long or in pieces"),
    }
}
