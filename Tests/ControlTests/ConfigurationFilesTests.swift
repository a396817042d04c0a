import Foundation
import Routing
import Testing

@testable import Control

/// A folder that is gone after the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "gatehouse-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)  // a leftover of a test harms nobody
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}

@Suite struct ConfigurationFilesTests {
    @Test func `reads folders by name, and what is in them`() throws {
        let folder = try TemporaryFolder()
        try folder.write("b.yaml", "kind: B\n---\nkind: C\n")
        try folder.write("a/deep.yml", "kind: A\n")
        try folder.write("c.json", #"{"kind": "D"}"#)
        try folder.write("kustomization.yaml", "kind: Kustomization\n")
        try folder.write("readme.md", "no\n")
        try folder.write(".hidden.yaml", "kind: H\n")
        let files = ConfigurationFiles(reading: [folder.path])
        #expect(files.diagnostics.isEmpty)
        #expect(files.documents.map { "\($0.number) \($0.value)" }.count == 4)
        #expect(
            files.documents.map { ($0.file as NSString).lastPathComponent } == [
                "deep.yml", "b.yaml", "b.yaml", "c.json",
            ])
        #expect(files.documents.map(\.number) == [1, 1, 2, 1])
    }

    @Test func `reads a mounted ConfigMap through its links once`() throws {
        let folder = try TemporaryFolder()
        try folder.write("..2024/a.yaml", "kind: A\n")
        try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/..data", withDestinationPath: "..2024")
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder.path)/a.yaml", withDestinationPath: "..data/a.yaml")
        #expect(ConfigurationFiles(reading: [folder.path]).documents.count == 1)
    }

    @Test func `reports what cannot be read, and reads the rest`() throws {
        let folder = try TemporaryFolder()
        let bad = try folder.write("bad.yaml", "kind: A\nspec: [1, 2\nname: x\n")
        let twice = try folder.write("twice.yaml", "kind: A\nkind: B\n")
        try folder.write("good.yaml", "kind: A\n")
        try Data([0x6b, 0xff]).write(to: URL(fileURLWithPath: "\(folder.path)/latin.yaml"))
        let files = ConfigurationFiles(reading: [folder.path, "\(folder.path)/missing"])
        #expect(files.documents.count == 1)
        let texts = files.diagnostics.map(\.description)
        #expect(texts.count == 4, "\(texts)")
        #expect(texts.contains { $0.hasPrefix("\(bad):3: error: is not YAML") }, "\(texts)")
        #expect(texts.contains { $0.hasPrefix(twice) && $0.contains("kind") }, "\(texts)")
        #expect(texts.contains { $0.hasSuffix("is not UTF-8") })
        #expect(texts.contains { $0.hasSuffix("missing: error: there is no such file or folder") })
    }

    @Test func `a file that unfolds into too many values is refused`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...7 {
            text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
        }
        let error = #expect(throws: Diagnostic.self) { try YAMLDocuments.parse(text, file: "bomb.yaml") }
        #expect(error?.message.contains("values") == true)
    }

    @Test func `scalars keep the type that YAML gives them`() throws {
        let text = "[8443, \"8443\", true, \"true\", null, 1.5, text, 99999999999999999999]"
        let document = try #require(try YAMLDocuments.parse(text, file: "a").first)
        guard case .sequence(let values) = document.value.content else {
            Issue.record("not a list")
            return
        }
        #expect(
            values.map(\.content) == [
                .integer(8443), .string("8443"), .bool(true), .string("true"), .null, .number("1.5"), .string("text"),
                .number("99999999999999999999"),
            ])
    }
}

@Suite struct AddressTests {
    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1", UInt16(80)), ("[::1]:8443", "::1", 8443),
        ("warehouse.local:1", "warehouse.local", 1),
        ("localhost:0", "localhost", 0),
    ])
    func `an address is a host and a port`(text: String, host: String, port: UInt16) {
        #expect(HostPort(text) == HostPort(host: host, port: port))
        #expect(HostPort(text)?.description == text)
    }

    @Test(arguments: ["", "80", "a", "a:", ":80", "a:65536", "a:-1", "::1:80", "a:b:80", "[]:80", "a:80x"])
    func `other texts are no addresses`(text: String) {
        #expect(HostPort(text) == nil)
    }

    @Test func `a backend is named by Service, namespace and port`() throws {
        let plain = try #require(BackendAddress("warehouse=127.0.0.1:8081"))
        #expect(plain.serviceKey == "default/warehouse" && plain.port == nil)
        let full = try #require(BackendAddress("other/warehouse:80=[::1]:8081"))
        #expect(full.serviceKey == "other/warehouse" && full.port == 80 && full.addresses.map(\.host) == ["::1"])
        let list = try #require(BackendAddress("a=10.0.0.1:1,b:2,[::1]:3"))
        #expect(list.addresses.map(\.description) == ["10.0.0.1:1", "b:2", "[::1]:3"])
        for text in [
            "", "a", "=a:1", "a=b:1,", "a=b:1,c", "a=,b:1", "a=", "a=b", "a=b:0", "a:x=b:1", "a/b/c=d:1", "/a=b:1",
        ] {
            #expect(BackendAddress(text) == nil, "\(text)")
        }
    }

    @Test func `a listen address names its listener`() {
        #expect(ListenAddress("https=0.0.0.0:443")?.listener == "https")
        #expect(ListenAddress("=0.0.0.0:443") == nil)
        #expect(ListenAddress("https") == nil)
    }
}
