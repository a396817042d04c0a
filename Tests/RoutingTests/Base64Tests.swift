import Testing

@testable import Routing

/// RFC 4648, with the line ends that YAML may bring.
@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"), ("Zm9v\nYmFy\r\n", "foobar"), (" Z m 8 =\t", "fo"), ("+/+/", "\u{fb}\u{ff}\u{bf}"),
    ])
    func `the vectors of §10`(text: String, decoded: String) {
        #expect(Base64.decode(text) == decoded.unicodeScalars.map { UInt8($0.value) })
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Zg===", "====", "=", "Z=g=", "Zm9v=", "Zm9vYg==Zg==", "Zm9-", "Zm9_", "Zm9é"])
    func `other texts are not base64`(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
