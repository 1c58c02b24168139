//! A client of bytes: what no library would show or do.

use ib_sim::Sim;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::soon;

/// A connection that has said hello.
#[derive(Debug)]
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) async fn hello(sim: &Sim) -> Self {
        let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
        stream.write_all(b"API\0\0\0\0\x09v213..226").await.unwrap();
        let mut raw = Self(stream);
        assert!(raw.frame().await.unwrap().starts_with(b"226\0"));
        raw
    }

    pub(crate) async fn started(sim: &Sim, client_id: u8) -> Self {
        let mut raw = Self::hello(sim).await;
        raw.send(71, &[8, client_id]).await;
        for message in [15, 9, 4, 4, 4] {
            assert_eq!(raw.message().await.0, message);
        }
        raw
    }

    pub(crate) async fn send(&mut self, message: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len() + 4).unwrap();
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend((message + 200).to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    pub(crate) async fn frame(&mut self) -> Option<Vec<u8>> {
        soon(async {
            let length = self.0.read_u32().await.ok()?;
            let mut body = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut body).await.ok()?;
            Some(body)
        })
        .await
    }

    /// Message number and payload as text, which is enough to find a code's words in it.
    pub(crate) async fn message(&mut self) -> (u32, String) {
        let body = self.frame().await.expect("a frame");
        let id = u32::from_be_bytes(body[..4].try_into().unwrap());
        (id - 200, String::from_utf8_lossy(&body[4..]).into_owned())
    }

    pub(crate) async fn closed(&mut self) -> bool {
        self.frame().await.is_none()
    }
}
