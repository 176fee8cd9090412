# The app alone: docker build -t semsearch . && docker run -p 8501:8501 -v semsearch:/home/app/.cache/semsearch semsearch
FROM python:3.11-slim
RUN useradd --create-home app
WORKDIR /srv/semsearch
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY --chown=app . .
RUN pip install --no-cache-dir --no-deps -e . && install -d -o app static
USER app
RUN semsearch datasets fetch groceries200
EXPOSE 8501
HEALTHCHECK CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=3)"
CMD ["python", "server.py", "--server.address", "0.0.0.0"]
