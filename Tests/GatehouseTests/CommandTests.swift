import ArgumentParser
import Control
import Foundation
import Routing
import Testing

@testable import gatehouse

/// What a person at a terminal sees.
@Suite struct CommandTests {
    @Test func `check says everything that is wrong, where, and what to write instead`() async throws {
        let output = try await Commands.run("check docs/examples/typos.yaml")
        #expect(output.exitCode == 1 && output.text.isEmpty)
        for part in ["typos.yaml:11: error", "typos.yaml:14: error", "did you mean"] {
            #expect(output.complaint.contains(part), "\(output.complaint)")
        }
    }

    @Test func `check as JSON has the same as fields`() async throws {
        let output = try await Commands.run("check docs/examples/typos.yaml --format json")
        #expect(output.exitCode == 1 && output.complaint.isEmpty)
        let report = try JSONDecoder().decode(DiagnosticReport.self, from: Data(output.text.utf8))
        #expect(report.errors == report.findings.count { $0.severity == "error" } && report.errors > 1)
        let finding = try #require(report.findings.first { $0.line == 11 })
        #expect(finding.file == "docs/examples/typos.yaml" && finding.document == "HTTPRoute default/shop")
        #expect(finding.field?.hasPrefix("spec.rules[0].matches[0].path") == true)
    }

    @Test func `lint warnings fail a check only when it is strict`() async throws {
        let lenient = try await Commands.run("check docs/examples/open.yaml")
        #expect(lenient.exitCode == 0 && lenient.complaint.contains("GET http://localhost:8080/shop"))
        #expect(try await Commands.run("check docs/examples/open.yaml --strict").exitCode == 1)
        #expect(try await Commands.run("check k8s/base/gateway").exitCode == 0)
    }

    @Test func `check of a whole system counts what is not the gateway's`() async throws {
        let output = try await Commands.run("check k8s/base")
        #expect(output.exitCode == 0)
        let notes = output.complaint.split(separator: "\n").filter { $0.contains("note: ") }
        #expect(notes.count == 1 && notes[0].contains("Deployment"), "\(output.complaint)")
    }

    @Test func `check tells what becomes of each document`() async throws {
        let output = try await Commands.run("check docs/examples/open.yaml --status")
        #expect(output.exitCode == 0)
        #expect(output.text.contains("Gateway default/gatehouse: Accepted=True"), "\(output.text)")
        #expect(output.text.contains("listener http, 1 route"), "\(output.text)")
        let json = try await Commands.run("check docs/examples/typos.yaml --status --format json")
        let report = try JSONDecoder().decode(DiagnosticReport.self, from: Data(json.text.utf8))
        #expect(report.status?.contains { !$0.isGood } == true, "\(json.text)")
    }

    @Test func `diff ends like diff`() async throws {
        #expect(try await Commands.run("diff k8s/base/gateway k8s/base/gateway") == CommandOutput())
        let changed = try await Commands.run("diff docs/examples/open.yaml k8s/base/gateway")
        #expect(changed.exitCode == 1 && changed.text.contains("- route http: any method /shop[/*]"))
        let wrong = try await Commands.run("diff docs/examples/typos.yaml k8s/base/gateway")
        #expect(wrong.exitCode == 2 && wrong.complaint.contains("typos.yaml:11"))
        let json = try await Commands.run("diff docs/examples/open.yaml k8s/base/gateway --format json")
        #expect(try JSONDecoder().decode(ConfigurationDifference.self, from: Data(json.text.utf8)).changes.count > 1)
    }

    @Test func `explain without documents and without a gateway says what to give`() async throws {
        // Port 1 is nobody's. In the repository, as most tests run, the usual folder is read instead.
        let output = try await Commands.run("explain 'GET https://localhost:8443/' --admin 127.0.0.1:1")
        #expect(output.complaint.contains("no gateway answers at 127.0.0.1:1"))
        let isInRepository = FileManager.default.fileExists(atPath: ExplainCommand.usualFolder)
        #expect(output.exitCode == (isInRepository ? 0 : 1))
    }

    @Test func `explain says what is wrong with a request`() async throws {
        let output = try await Commands.run("explain 'GET localhost' k8s/base/gateway")
        #expect(output.exitCode == 1 && output.complaint.contains("does not begin with https://"))
    }

    @Test func `an API key comes with the hash that the Secret holds`() throws {
        let text = try APIKeyCommand.parse(["billing"]).output(key: Array(repeating: 0x0A, count: 24)).text
        let lines = text.split(separator: "\n")
        #expect(lines[1] == "gatehouse-" + String(repeating: "0a", count: 24))
        // printf %s gatehouse-0a0a… | sha256sum
        #expect(lines[3] == "billing: sha256:b7187895ccd329b4ae452f16b44e981b925c7dd0db041ade48021bb2858cfb9a")
        #expect(throws: (any Error).self) { try APIKeyCommand.parse(["a b"]) }
    }

    @Test func `there are completions for shells`() {
        for shell in [CompletionShell.bash, .zsh, .fish] {
            #expect(GatehouseCommand.completionScript(for: shell).contains("explain"))
        }
    }
}
