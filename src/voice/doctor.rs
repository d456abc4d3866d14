//! Whether media finds this server: a packet goes out to each address that clients are told, and must come back. It is the question
//! by which bots find out where they are, so the whole way is walked: the address, the port, the socket, the thread behind it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::bot::{DISCOVERY_BYTES, discovery_answer, discovery_question};
use super::{Command, Voice};

/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How often a question is put over UDP: one datagram may be lost.
const TRIES: usize = 3;

/// How media reaches an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Packets with their length before them (RFC 4571).
    Tcp,
}

/// What came of one address.
#[derive(Clone, Debug)]
pub struct Reached {
    /// How it was asked.
    pub transport: Transport,
    /// The address that clients are told.
    pub address: SocketAddr,
    /// Whether an answer came, or why not.
    pub result: Result<(), String>,
}

/// Asks every address that clients are told. Takes up to a few seconds.
pub async fn check(voice: &Voice) -> Vec<Reached> {
    // Drawn anew each time; a session that has it by chance is asked in our place, which does it no harm.
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's randomness does not fail once it started");
    let number = u32::from_be_bytes(bytes);
    let _ = voice.threads[0].send(Command::Probe(Some(number))).await;
    let mut found = Vec::new();
    for address in voice.addresses.udp.iter().copied() {
        found.push(Reached { transport: Transport::Udp, address, result: over_udp(address, number).await });
    }
    for address in voice.addresses.tcp.iter().copied() {
        found.push(Reached { transport: Transport::Tcp, address, result: over_tcp(address, number).await });
    }
    let _ = voice.threads[0].send(Command::Probe(None)).await;
    found
}

async fn over_udp(to: SocketAddr, number: u32) -> Result<(), String> {
    let own: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let said = |error: std::io::Error| error.to_string();
    let socket = UdpSocket::bind((own, 0)).await.map_err(said)?;
    // Not connected: behind some routers the answer comes from another address.
    let mut answer = [0; DISCOVERY_BYTES];
    for _ in 0..TRIES {
        socket.send_to(&discovery_question(number), to).await.map_err(said)?;
        let within = timeout(ANSWER_WITHIN, async {
            while !is_answer(&answer, number) {
                socket.recv_from(&mut answer).await?;
            }
            Ok(())
        });
        match within.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => return Err(said(error)),
            Err(_) => {}
        }
    }
    Err("nothing came back".into())
}

async fn over_tcp(to: SocketAddr, number: u32) -> Result<(), String> {
    let asked = async {
        let mut stream = TcpStream::connect(to).await?;
        let question = discovery_question(number);
        let mut framed = (question.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(&question);
        stream.write_all(&framed).await?;
        let mut answer = [0; 2 + DISCOVERY_BYTES];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(is_answer(&answer[2..], number))
    };
    match timeout(ANSWER_WITHIN, asked).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("something else answers there".into()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("nothing came back".into()),
    }
}

fn is_answer(packet: &[u8], number: u32) -> bool {
    packet.len() == DISCOVERY_BYTES
        && packet[..4] == discovery_answer(number, (Ipv4Addr::LOCALHOST, 0).into())[..4]
        && packet[4..8] == number.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::bot::discovery_of;

    #[test]
    fn only_the_answer_to_ones_own_question_counts() {
        let from = (Ipv4Addr::LOCALHOST, 9).into();
        assert!(is_answer(&discovery_answer(7, from), 7));
        assert!(!is_answer(&discovery_answer(8, from), 7));
        assert!(!is_answer(&discovery_question(7), 7), "an echo of the question");
        assert_eq!(discovery_of(&discovery_question(7)), Some(7));
        assert!(!is_answer(&[], 7));
    }
}
