//! What runs and listens inside the container: the port forwarder's arguments and the kernel's table of sockets.
//!
//! Invariant: what cannot be read is not guessed.

/// `socat TCP-LISTEN:4004,fork TCP:127.0.0.1:4002`, of which side listens where and connects to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarder {
    pub listen_port: u16,
    pub target_host: String,
    pub target_port: u16,
}

impl Forwarder {
    /// The gateway trusts 127.0.0.1: what comes from `::1` is somebody else to it.
    pub fn is_ipv6(&self) -> bool {
        self.target_host.contains(':')
    }
}

/// The forwarder among the command lines of the container's processes.
pub fn forwarder_of<'a>(command_lines: impl IntoIterator<Item = &'a str>) -> Option<Forwarder> {
    command_lines.into_iter().find_map(|line| {
        let mut words = line.split_whitespace();
        let is_socat = words.next()?.rsplit('/').next()? == "socat";
        let (mut listen_port, mut target) = (None, None);
        for word in words.filter(|_| is_socat) {
            let (kind, rest) = word.split_once(':').unwrap_or((word, ""));
            let address = rest.split(',').next().unwrap_or(rest);
            match kind.to_ascii_uppercase().as_str() {
                "TCP-LISTEN" | "TCP4-LISTEN" | "TCP6-LISTEN" => listen_port = address.parse().ok(),
                "TCP" | "TCP4" | "TCP6" => target = host_and_port(address),
                _ => {}
            }
        }
        let (target_host, target_port) = target?;
        Some(Forwarder { listen_port: listen_port?, target_host, target_port })
    })
}

fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
}

/// Whether the gateway's own port is listened on, by family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sockets {
    pub ipv4: bool,
    pub ipv6: bool,
}

/// State `0A` of `/proc/net/tcp` and `tcp6`.
const LISTEN: &str = "0A";

/// Reads the texts of `/proc/net/tcp` and `/proc/net/tcp6`.
pub fn sockets_of(tcp: &str, tcp6: &str, port: u16) -> Sockets {
    let listens = |text: &str| {
        text.lines().skip(1).any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next().and_then(|local| local.rsplit_once(':'));
            let state = fields.nth(1);
            local.is_some_and(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port)) && state == Some(LISTEN)
        })
    };
    Sockets { ipv4: listens(tcp), ipv6: listens(tcp6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forwarder_is_read_from_its_arguments() {
        let read = |line: &str| forwarder_of(["/bin/bash /home/ibgateway/scripts/run.sh", line]);
        let plain = read("socat TCP-LISTEN:4004,fork TCP:127.0.0.1:4002").expect("forwarder");
        assert_eq!((plain.listen_port, plain.target_host.as_str(), plain.target_port, plain.is_ipv6()), (4004, "127.0.0.1", 4002, false));
        let six = read("/usr/bin/socat TCP-LISTEN:4004,fork,reuseaddr TCP6:[::1]:4002").expect("forwarder");
        assert_eq!((six.target_host.as_str(), six.target_port, six.is_ipv6()), ("::1", 4002, true));
        assert_eq!(read("socat -V"), None);
        assert_eq!(read("vim socat TCP-LISTEN:4004,fork TCP:127.0.0.1:4002"), None);
    }

    #[test]
    fn listening_sockets_are_read_by_family() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";
        let tcp = format!("{head}   0: 0100007F:0FA2 0100007F:A2C4 01 00000000:00000000 00:00000000 00000000  1000\n");
        let tcp6 = format!("{head}   0: 00000000000000000000000000000000:0FA2 00000000000000000000000000000000:0000 0A 0:0 0:0 0 1000\n");
        assert_eq!(sockets_of(&tcp, &tcp6, 4002), Sockets { ipv4: false, ipv6: true });
        assert_eq!(sockets_of(&tcp6, "", 4002), Sockets { ipv4: true, ipv6: false });
        assert_eq!(sockets_of(&tcp6, &tcp6, 4001), Sockets::default());
    }
}
