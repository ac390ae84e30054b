"""Drives the emulator with the official SDK and prints what the SDK decoded, as one JSON object.

Usage: referee.py BASE_URL

Keys name calls in the order in which they were made. A value is the SDK's model of the answer under `answer`,
or the SDK's exception under `error`. What is right is decided by the test that starts this script.
"""

import json
import sys
import time

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkdataartsstudio import v1 as studio
from huaweicloudsdkdgc import v1 as dgc

PROJECT = "b384b9e9ab9b4ee8994c8633aabc9505"
WORKSPACE = "default"
TO_BE_REVIEWED, BEING_RELEASED = 1, 5
LATER = 0
PATIENCE_SECONDS = 30


def client(kind, base_url, secret="example-secret-key"):
    """A client of the kind, signing as the deployer of the emulator's example."""
    credentials = BasicCredentials("AKIDEXAMPLE", secret, PROJECT)
    limits = HttpConfig(timeout=(5, 15))  # seconds to connect and to wait; the SDK's own are minutes
    builder = kind.new_builder().with_credentials(credentials).with_http_config(limits)
    return builder.with_endpoint(base_url).build()


def outcome(call, request):
    """What the SDK makes of the answer."""
    try:
        return {"answer": call(request).to_dict()}
    except ServiceResponseException as error:
        return {
            "error": {
                "status": error.status_code,
                "code": error.error_code,
                "message": error.error_msg,
                "request_id": error.request_id,
            }
        }


def listed(limit):
    body = studio.ListReleasePackagesRequestBody(limit=limit, offset=0)
    return studio.ListFactoryReleasePackagesRequest(workspace=WORKSPACE, body=body)


def shown(package):
    return studio.ShowFactoryPackageDetailRequest(workspace=WORKSPACE, package_id=package)


def deployed(packages):
    body = studio.DeployFactoryPackagesRequestBody(package_ids=packages, startup_mode=LATER)
    return studio.DeployFactoryPackagesRequest(workspace=WORKSPACE, body=body)


def cancelled(packages):
    body = studio.CancelFactoryPackagesRequestBody(package_ids=packages)
    return studio.CancelFactoryPackagesRequest(workspace=WORKSPACE, body=body)


def shown_when_over(factory, package):
    """The package once its release has ended, or as it is when the time limit ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        last = outcome(factory.show_factory_package_detail, shown(package))
        state = last.get("answer", {}).get("release_package", {}).get("deploy_status")
        if state not in (TO_BE_REVIEWED, BEING_RELEASED) or time.monotonic() > deadline:
            return last
        time.sleep(0.05)


def main(base_url):
    factory = client(studio.DataArtsStudioClient, base_url)
    tasks = client(dgc.DgcClient, base_url)
    stranger = client(studio.DataArtsStudioClient, base_url, secret="another-secret-key")

    seen = {}
    seen["show"] = outcome(factory.show_factory_package_detail, shown("23"))
    seen["deploy"] = outcome(factory.deploy_factory_packages, deployed(["23"]))
    seen["show_when_over"] = shown_when_over(factory, "23")
    details = seen["deploy"].get("answer", {}).get("deploy_package_details") or [{}]
    task = details[0].get("asy_task_id") or "none"
    seen["system_task"] = outcome(
        tasks.list_system_tasks, dgc.ListSystemTasksRequest(workspace=WORKSPACE, task_id=task)
    )
    seen["cancel"] = outcome(factory.cancel_factory_packages, cancelled(["12"]))
    seen["cancel_released"] = outcome(factory.cancel_factory_packages, cancelled(["23"]))
    seen["show_unknown"] = outcome(factory.show_factory_package_detail, shown("999999"))
    seen["deploy_unknown"] = outcome(factory.deploy_factory_packages, deployed(["999999"]))
    seen["deploy_101"] = outcome(
        factory.deploy_factory_packages, deployed([str(number) for number in range(1, 102)])
    )
    seen["list"] = outcome(factory.list_factory_release_packages, listed(100))
    seen["wrong_key"] = outcome(stranger.show_factory_package_detail, shown("24"))
    json.dump(seen, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1])
