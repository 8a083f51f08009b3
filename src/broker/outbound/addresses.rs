//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// `outbound.allow_private`: which addresses besides public ones may be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowPrivate {
    #[default]
    Nothing,
    Everything,
    Networks(Vec<IpNet>),
}

impl AllowPrivate {
    /// Whether `address` may be called.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = embedded(address);
        !is_special(address)
            || match self {
                Self::Nothing => false,
                Self::Everything => true,
                Self::Networks(networks) => networks.iter().any(|net| net.contains(&address)),
            }
    }
}

/// The address that a connection ends at: an IPv4 address inside an IPv6 one (RFC 4291 §2.5.5.2,
/// RFC 6052 §2.1) is judged as what it is.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let low = Ipv4Addr::from_bits((v6.to_bits() & 0xffff_ffff) as u32);
    let translated = NAT64.contains(&v6);
    v6.to_ipv4_mapped().or(translated.then_some(low)).map_or(address, IpAddr::V4)
}

/// Whether the address is not one of the public internet (RFC 6890 and its registries).
#[must_use]
pub fn is_special(address: IpAddr) -> bool {
    match embedded(address) {
        IpAddr::V4(v4) => SPECIAL_V4.iter().any(|net| net.contains(&v4)),
        IpAddr::V6(v6) => {
            !GLOBAL_UNICAST.contains(&v6) || SPECIAL_V6.iter().any(|net| net.contains(&v6))
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

const SPECIAL_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 8),       // this network, unspecified
    v4(10, 0, 0, 8),      // private
    v4(100, 64, 0, 10),   // carrier-grade NAT
    v4(127, 0, 0, 8),     // loopback
    v4(169, 254, 0, 16),  // link-local, with the clouds' metadata services
    v4(172, 16, 0, 12),   // private
    v4(192, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 24),    // documentation
    v4(192, 88, 99, 24),  // 6to4 relays
    v4(192, 168, 0, 16),  // private
    v4(198, 18, 0, 15),   // benchmarks
    v4(198, 51, 100, 24), // documentation
    v4(203, 0, 113, 24),  // documentation
    v4(224, 0, 0, 4),     // multicast
    v4(240, 0, 0, 4),     // reserved, broadcast
];

/// The only IPv6 block that public addresses are given from; loopback, unspecified, unique local,
/// link-local, site-local and multicast addresses lie outside.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 3);

const SPECIAL_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),     // protocol assignments, Teredo
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x2002, 0, 16),     // 6to4
    v6(0x3fff, 0, 20),     // documentation
];

/// The well-known NAT64 prefix; the local one, 64:ff9b:1::/48, is special as a whole.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn public_addresses_are_public() {
        for text in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(AllowPrivate::Nothing.admits(ip(text)), "{text}");
        }
    }

    #[test]
    fn the_others_are_not() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:0:7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!AllowPrivate::Nothing.admits(ip(text)), "{text}");
            assert!(AllowPrivate::Everything.admits(ip(text)), "{text}");
        }
    }

    #[test]
    fn networks_are_allowed_one_by_one() {
        let nets = ["10.1.0.0/16", "fd00::/8"].map(|net| net.parse().expect(net));
        let some = AllowPrivate::Networks(nets.to_vec());
        for (text, admitted) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("64:ff9b::a01:203", true),
            ("fd00::1", true),
            ("8.8.8.8", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(some.admits(ip(text)), admitted, "{text}");
        }
    }
}
