import ArgumentParser
import Crypto
import Foundation
import Testing

@testable import gatehouse_dev

struct `gatehouse-dev keys` {
    @Test func `writes a private key for its owner only, and a key set for everybody`() throws {
        try withDirectory { directory in
            try KeysCommand.parse(["--directory", directory]).run()
            #expect(try permissions("\(directory)/token-key.pem") == 0o600)
            #expect(try permissions("\(directory)/jwks.json") == 0o644)
            let keySet = try read("\(directory)/jwks.json")
            #expect(!keySet.contains("\"d\""))
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 2)
        }
    }

    @Test func `keeps an existing key, and writes its key set again`() throws {
        try withDirectory { directory in
            try KeysCommand.parse(["--directory", directory]).run()
            let key = try read("\(directory)/token-key.pem")
            let keySet = try read("\(directory)/jwks.json")
            try FileManager.default.removeItem(atPath: "\(directory)/jwks.json")
            try KeysCommand.parse(["--directory", directory]).run()
            #expect(try read("\(directory)/token-key.pem") == key)
            #expect(try read("\(directory)/jwks.json") == keySet)
        }
    }

    @Test func `replaces an existing key only when forced to`() throws {
        try withDirectory { directory in
            try KeysCommand.parse(["--directory", directory]).run()
            let key = try read("\(directory)/token-key.pem")
            try KeysCommand.parse(["--directory", directory, "--force"]).run()
            #expect(try read("\(directory)/token-key.pem") != key)
        }
    }

    @Test func `does not touch a file that is no key`() throws {
        try withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data("precious".utf8).write(to: URL(fileURLWithPath: "\(directory)/token-key.pem"))
            #expect(throws: CommandFailure.self) { try KeysCommand.parse(["--directory", directory]).run() }
            #expect(try read("\(directory)/token-key.pem") == "precious")
        }
    }

    @Test func `names the key by the SHA-256 of its members in lexical order`() throws {
        try withDirectory { directory in
            try KeysCommand.parse(["--directory", directory]).run()
            let json = try JSONSerialization.jsonObject(with: Data(read("\(directory)/jwks.json").utf8))
            let key = try #require(((json as? [String: Any])?["keys"] as? [[String: String]])?.first)
            #expect(key["kty"] == "EC" && key["crv"] == "P-256" && key["alg"] == "ES256" && key["use"] == "sig")
            #expect(key["x"]?.count == 43 && key["y"]?.count == 43)
            let required = key.filter { ["kty", "crv", "x", "y"].contains($0.key) }
            let digest = SHA256.hash(data: try JSONSerialization.data(withJSONObject: required, options: .sortedKeys))
            let standard = key["kid"]?.replacing("-", with: "+").replacing("_", with: "/")
            #expect(try #require(standard) + "=" == Data(digest).base64EncodedString())
        }
    }
}

func withDirectory(_ body: (String) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.path + "/gatehouse-dev-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try body(directory)
}

func read(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
}

private func permissions(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
}
