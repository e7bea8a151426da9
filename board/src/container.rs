//! Film containers told by their first bytes, to name what is not decoded here.

/// How many bytes of a file [`container_name`] needs to see.
pub(crate) const START_BYTES: u64 = 512;

/// The usual name of a film container other than MP4, by the first bytes of the file.
pub(crate) fn container_name(start: &[u8]) -> Option<&'static str> {
    match start {
        [0x1A, 0x45, 0xDF, 0xA3, ..] => Some("Matroska or WebM"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => Some("AVI"),
        [b'O', b'g', b'g', b'S', ..] => Some("Ogg"),
        [b'F', b'L', b'V', ..] => Some("Flash video"),
        [0, 0, 1, 0xBA | 0xB3, ..] => Some("MPEG-1 or MPEG-2"),
        [0x30, 0x26, 0xB2, 0x75, ..] => Some("Windows Media"),
        [b'G', b'I', b'F', b'8', ..] => Some("an animated GIF"),
        _ if is_transport_stream(start, 0) || is_transport_stream(start, 4) => Some("an MPEG transport stream"),
        _ => None,
    }
}

/// Whether packets of 188 bytes, each after `lead` bytes of a time code, begin with the sync byte of ISO/IEC 13818-1 §2.4.3.
fn is_transport_stream(start: &[u8], lead: usize) -> bool {
    [0, 1]
        .iter()
        .all(|packet| start.get(lead + packet * (188 + lead)) == Some(&0x47))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_apart() {
        let mut stream = vec![0; 400];
        (stream[0], stream[188]) = (0x47, 0x47);
        assert_eq!(container_name(&stream), Some("an MPEG transport stream"));
        let mut stamped = vec![0; 400];
        (stamped[4], stamped[196]) = (0x47, 0x47);
        assert_eq!(container_name(&stamped), Some("an MPEG transport stream"));
        assert_eq!(container_name(b"RIFF\0\0\0\0AVI LIST"), Some("AVI"));
        assert_eq!(container_name(b"RIFF\0\0\0\0WAVEfmt "), None);
        assert_eq!(container_name(b""), None);
    }
}
